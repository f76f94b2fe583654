/* SPDX-License-Identifier: MIT */
/*
 * Files that are written, read and given up in a small store, while secrets come and go: after
 * each step the store has what a plain model has, and nothing of what is gone.
 */
#include "platform/bare/store.c"
#include "platform/file.h"
#include "tests/fuzz/fuzz.h"

#define BLOBS 128 /* that may ever be in one input */
#define NAMES 8

static struct model {
    enum store_kind kind;
    const char *name;
    size_t size;
    bool alive, hidden;
    char data[STORE_SIZE];
} blobs[BLOBS];
static size_t blob_count;

static struct {
    struct model *blob; /* NULL: free */
    enum { READER, WRITER, REPLACER } use;
    bool failed;
    size_t at;
} open_files[FILES_MAX];

static const char *const names[NAMES] = {"a",  "b",    "dir/a",     "dir/b",
                                         "/x", "/x/y", "long-name", "c"};

static struct model *visible(enum store_kind kind, const char *name)
{
    for (size_t i = 0; i < blob_count; i++)
        if (blobs[i].alive && !blobs[i].hidden && blobs[i].kind == kind && blobs[i].name == name)
            return &blobs[i];
    return NULL;
}

static struct model *new_blob(enum store_kind kind, const char *name)
{
    struct model *b = &blobs[blob_count++];

    *b = (struct model){.kind = kind, .name = name, .alive = true, .hidden = true};
    return b;
}

static void show(struct model *b)
{
    struct model *old = visible(b->kind, b->name);

    if (old != NULL && old != b)
        old->alive = false;
    b->hidden = false;
}

static struct bytes path_of(const char *name)
{
    return (struct bytes){name, strlen(name)};
}

static void put_secret(struct input *in)
{
    const char *name = names[take8(in) % NAMES];
    uint8_t n = take8(in) % 64, c = take8(in);
    char *space;

    if (store_begin(STORE_SECRET, name, strlen(name), 0600, n, &space) != MOTE_OK)
        return;
    memset(space, c, n);
    if (c % 4 == 0) /* given up; it goes with the next */
        CHECK(store_begin(STORE_SECRET, "", 0, 0, 0, &space) == MOTE_ERR_INVALID);
    CHECK(store_commit() == (c % 4 == 0 ? MOTE_ERR_INVALID : MOTE_OK));
    if (c % 4 == 0)
        return;
    struct model *b = new_blob(STORE_SECRET, name);
    b->size = n;
    memset(b->data, c, n);
    show(b);
}

static void drop(struct input *in)
{
    uint8_t what = take8(in);
    enum store_kind kind = what & 0x80 ? STORE_FILE : STORE_SECRET;
    const char *name = names[what % NAMES];
    struct model *b = visible(kind, name);

    CHECK(store_delete(kind, name, strlen(name)) == (b ? MOTE_OK : MOTE_ERR_NOT_FOUND));
    if (b != NULL)
        b->alive = false;
}

static void create(struct input *in)
{
    const char *name = names[take8(in) % NAMES];
    enum file_how how = take8(in) % 3;
    struct model *b = visible(STORE_FILE, name);
    int file = file_create(path_of(name), 0600, how, false);

    if (file < 0)
        return;
    CHECK(file < FILES_MAX && open_files[file].blob == NULL);
    if (how == FILE_REPLACE || b == NULL)
        b = new_blob(STORE_FILE, name);
    if (how == FILE_TRUNCATE)
        b->size = 0;
    if (how != FILE_REPLACE)
        show(b);
    open_files[file].blob = b;
    open_files[file].use = how == FILE_REPLACE ? REPLACER : WRITER;
    open_files[file].failed = false;
}

static void open_one(struct input *in)
{
    const char *name = names[take8(in) % NAMES];
    int file = file_open(path_of(name), NULL);

    if (file < 0)
        return;
    CHECK(open_files[file].blob == NULL && visible(STORE_FILE, name) != NULL);
    open_files[file].blob = visible(STORE_FILE, name);
    open_files[file].use = READER;
    open_files[file].at = 0;
}

static void write_some(struct input *in)
{
    int file = take8(in) % FILES_MAX;
    uint8_t n = take8(in) % 64, c = take8(in);
    struct model *b = open_files[file].blob;
    char data[64];

    memset(data, c, n);
    int result = file_write(file, data, n);
    if (result != MOTE_OK) {
        open_files[file].failed = true;
        return;
    }
    CHECK(b != NULL && b->alive && open_files[file].use != READER && !open_files[file].failed);
    memset(b->data + b->size, c, n);
    b->size += n;
}

static void read_some(struct input *in)
{
    int file = take8(in) % FILES_MAX;
    uint8_t n = take8(in) % 64;
    const struct model *b = open_files[file].blob;
    char data[64];
    long got = file_read(file, data, n);

    if (b == NULL || open_files[file].use != READER || !b->alive) {
        CHECK(got < 0);
        return;
    }
    size_t at = open_files[file].at, left = at < b->size ? b->size - at : 0;
    CHECK(got == (long)(n < left ? n : left) && memcmp(data, b->data + at, (size_t)got) == 0);
    open_files[file].at += (size_t)got;
}

static void end(struct input *in)
{
    int file = take8(in) % FILES_MAX;
    struct model *b = open_files[file].blob;
    bool commit = take8(in) % 2 != 0;

    if (commit && file_commit(file) == MOTE_OK) {
        CHECK(b != NULL && b->alive && open_files[file].use != READER && !open_files[file].failed);
        show(b);
    } else {
        file_close(file);
        if (b != NULL && open_files[file].use == REPLACER)
            b->alive = false;
    }
    open_files[file].blob = NULL;
}

/* Hidden ones are counted, and seen when they are shown. */
static void check_store(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < blob_count; i++) {
        const struct model *b = &blobs[i];
        struct store_blob found;
        if (!b->alive)
            continue;
        sum += strlen(b->name) + b->size;
        if (b->hidden)
            continue;
        CHECK(store_get(b->kind, b->name, strlen(b->name), &found) == MOTE_OK);
        CHECK(found.size == b->size && memcmp(found.data, b->data, b->size) == 0);
    }
    CHECK(used == sum && store_residue() == 0);
    for (size_t i = sum; i < STORE_SIZE; i++)
        CHECK(arena[i] == 0); /* what left the store was wiped */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const steps[])(struct input *) = {put_secret, drop,      create, open_one,
                                                    write_some, read_some, end,    write_some};
    struct input in = {data, size};

    memset(open_files, 0, sizeof open_files);
    memset(arena, 0, sizeof arena);
    blob_count = 0;
    while (in.left != 0 && blob_count < BLOBS) {
        steps[take8(&in) % COUNT(steps)](&in);
        check_store();
    }
    for (int i = 0; i < FILES_MAX; i++)
        file_close(i);
    store_wipe();
    for (size_t i = 0; i < STORE_SIZE; i++)
        CHECK(arena[i] == 0);
    return 0;
}
