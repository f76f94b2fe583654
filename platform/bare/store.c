/* SPDX-License-Identifier: MIT */
/*
 * The store in a fixed arena: blobs lie one behind the other in the order in which they
 * came, each behind its name; a hole is closed at once and what it leaves is wiped. One that
 * grows moves those behind it.
 */
#include "platform/bare/blob.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct entry {
    uint32_t offset; /* of the name; the data follow it */
    uint32_t size;   /* of the data */
    int id;          /* unlike the others'; those that came later have greater ones */
    uint16_t mode;
    uint8_t name_len;
    uint8_t kind;
    bool hidden; /* from readers: it is not whole */
};

static char arena[STORE_SIZE] __attribute__((aligned(16), section(".noinit")));
static struct entry entries[STORE_ENTRIES];
static uint32_t count;
static uint32_t used;
static uint32_t touched; /* the most that was ever used; behind it lies what was there at boot */
static int last_id;
static int begun; /* the blob that store_commit() shows; 0: none */
static char fault[128];

static uint32_t entry_end(const struct entry *e)
{
    return e->offset + e->name_len + e->size;
}

/* Takes the last n bytes of an entry away. */
static void shrink(struct entry *e, uint32_t n)
{
    uint32_t end = entry_end(e);

    memmove(arena + end - n, arena + end, used - end);
    used -= n;
    explicit_bzero(arena + used, n);
    for (struct entry *behind = e + 1; behind < entries + count; behind++)
        behind->offset -= n;
}

static void remove_entry(struct entry *e)
{
    shrink(e, e->name_len + e->size);
    count--;
    memmove(e, e + 1, (size_t)(entries + count - e) * sizeof *e);
}

static struct entry *find_id(int id)
{
    for (struct entry *e = entries; e < entries + count; e++)
        if (e->id == id)
            return e;
    return NULL;
}

/* Among those that readers see. */
static struct entry *find(enum store_kind kind, const char *name, size_t name_len)
{
    for (struct entry *e = entries; e < entries + count; e++)
        if (!e->hidden && e->kind == kind && e->name_len == name_len &&
            memcmp(arena + e->offset, name, name_len) == 0)
            return e;
    return NULL;
}

/* What does not fit is refused with the limits. */
static int refuse_size(size_t size)
{
    snprintf(fault, sizeof fault,
             "store full: %zu bytes wanted, %u free; limit is %d bytes and %d names", size,
             (unsigned)(STORE_SIZE - used), STORE_SIZE, STORE_ENTRIES);
    return MOTE_ERR_NO_ROOM;
}

/* Makes room behind an entry's data: n bytes that fit. */
static void *grow(struct entry *e, uint32_t n)
{
    uint32_t end = entry_end(e);

    memmove(arena + end + n, arena + end, used - end);
    used += n;
    touched = used > touched ? used : touched;
    for (struct entry *behind = e + 1; behind < entries + count; behind++)
        behind->offset += n;
    e->size += n;
    return arena + end;
}

static int new_id(void)
{
    return last_id = last_id == INT_MAX ? 1 : last_id + 1;
}

/* A new entry at the end, hidden, with size bytes for its data. */
static int add(const struct entry *e, const char *name, uint32_t size)
{
    entries[count] = *e;
    entries[count].offset = used;
    entries[count].id = new_id();
    memcpy(arena + used, name, e->name_len);
    used += e->name_len;
    grow(&entries[count++], size);
    return last_id;
}

/* The number of a new entry, or why there can't be one. */
static int make(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size)
{
    if (name_len == 0 || name_len > STORE_NAME_MAX) {
        snprintf(fault, sizeof fault, "a name has 1 to %d bytes", STORE_NAME_MAX);
        return MOTE_ERR_INVALID;
    }
    if (count == STORE_ENTRIES || size > STORE_SIZE || name_len + size > STORE_SIZE - used)
        return refuse_size(size);
    const struct entry e = {.mode = (uint16_t)mode,
                            .name_len = (uint8_t)name_len,
                            .kind = (uint8_t)kind,
                            .hidden = true};
    return add(&e, name, (uint32_t)size);
}

int blob_new(enum store_kind kind, const char *name, size_t name_len, uint32_t mode)
{
    return make(kind, name, name_len, mode, 0);
}

int blob_find(enum store_kind kind, const char *name, size_t name_len)
{
    const struct entry *e = find(kind, name, name_len);

    return e != NULL ? e->id : MOTE_ERR_NOT_FOUND;
}

static void describe(const struct entry *e, struct store_blob *blob)
{
    *blob = (struct store_blob){arena + e->offset + e->name_len, e->size, e->mode};
}

int blob_get(int id, struct store_blob *blob)
{
    const struct entry *e = find_id(id);

    if (e == NULL)
        return MOTE_ERR_NOT_FOUND;
    describe(e, blob);
    return MOTE_OK;
}

int blob_append(int id, const void *data, size_t n)
{
    struct entry *e = find_id(id);

    if (e == NULL)
        return MOTE_ERR_NOT_FOUND;
    if (n > STORE_SIZE - used)
        return refuse_size(n);
    memcpy(grow(e, (uint32_t)n), data, n);
    return MOTE_OK;
}

int blob_truncate(int id)
{
    struct entry *e = find_id(id);

    if (e == NULL)
        return MOTE_ERR_NOT_FOUND;
    shrink(e, e->size);
    e->size = 0;
    return MOTE_OK;
}

int blob_show(int id)
{
    struct entry *e = find_id(id);

    if (e == NULL)
        return MOTE_ERR_NOT_FOUND;
    struct entry *old = find(e->kind, arena + e->offset, e->name_len);
    e->hidden = false;
    if (old != NULL && old != e)
        remove_entry(old);
    return MOTE_OK;
}

void blob_drop(int id)
{
    struct entry *e = find_id(id);

    if (e != NULL)
        remove_entry(e);
}

int blob_next(enum store_kind kind, int after, struct store_name *found)
{
    for (const struct entry *e = entries; e < entries + count; e++)
        if (!e->hidden && e->kind == kind && e->id > after) {
            *found = (struct store_name){arena + e->offset, e->name_len, e->size, e->mode};
            return e->id;
        }
    return MOTE_ERR_NOT_FOUND;
}

int store_begin(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size,
                char **space)
{
    store_abandon();
    int id = make(kind, name, name_len, mode, size);
    if (id < 0)
        return id;
    begun = id;
    *space = arena + used - size;
    return MOTE_OK;
}

void store_trim(size_t size)
{
    struct entry *e = find_id(begun);

    if (e == NULL || size > e->size)
        return;
    shrink(e, e->size - (uint32_t)size);
    e->size = (uint32_t)size;
}

int store_commit(void)
{
    int id = begun;

    begun = 0;
    return blob_show(id) == MOTE_OK ? MOTE_OK : MOTE_ERR_INVALID;
}

void store_abandon(void)
{
    blob_drop(begun);
    begun = 0;
}

int store_get(enum store_kind kind, const char *name, size_t name_len, struct store_blob *blob)
{
    const struct entry *e = find(kind, name, name_len);

    if (e == NULL)
        return MOTE_ERR_NOT_FOUND;
    describe(e, blob);
    return MOTE_OK;
}

int store_delete(enum store_kind kind, const char *name, size_t name_len)
{
    struct entry *e = find(kind, name, name_len);

    if (e == NULL)
        return MOTE_ERR_NOT_FOUND;
    remove_entry(e);
    return MOTE_OK;
}

/* Whether a name stands in front of another one in byte order. */
static bool precedes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order < 0 || (order == 0 && a_len < b_len);
}

int store_next(enum store_kind kind, const char *after, size_t after_len, struct store_name *next)
{
    *next = (struct store_name){0};
    for (const struct entry *e = entries; e < entries + count; e++) {
        const char *name = arena + e->offset;
        if (!e->hidden && e->kind == kind && precedes(after, after_len, name, e->name_len) &&
            (next->len == 0 || precedes(name, e->name_len, next->name, next->len)))
            *next = (struct store_name){name, e->name_len, e->size, e->mode};
    }
    return next->len != 0 ? MOTE_OK : MOTE_ERR_NOT_FOUND;
}

struct store_fault store_fault(void)
{
    return (struct store_fault){"write", fault};
}

size_t store_residue(void)
{
    size_t n = 0;

    for (uint32_t i = used; i < touched; i++)
        n += arena[i] != 0;
    return n;
}

void store_wipe(void)
{
    explicit_bzero(arena, used);
    explicit_bzero(entries, sizeof entries);
    count = used = 0;
    begun = 0;
}
