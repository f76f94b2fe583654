/* SPDX-License-Identifier: MIT */
/*
 * The store as files. A blob is put together in one piece of memory, which is wiped and given
 * back as soon as it is in its file; mote itself keeps none.
 */
#include "platform/store.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/life.h"
#include "platform/linux/place.h"
#include "platform/linux/sys.h"

#include <linux/mman.h>

#include <stdio.h>
#include <string.h>

#define PAGE ((size_t)4096)

static char staging[(STORE_SIZE + PAGE - 1) / PAGE * PAGE] __attribute__((aligned(4096)));
static size_t held;    /* bytes of it that are a blob's */
static size_t dirty;   /* bytes of it that were a blob's since it was wiped */
static size_t touched; /* the most that ever were */

static struct {
    bool active;
    uint32_t mode;
    struct place place;
} begun;

static char next_name[STORE_NAME_MAX + 1];
static const char *fault_step = "write";
static char fault_why[2 * (FILES_PATH_MAX + STORE_NAME_MAX) + 100];

/* Pages behind the first are given back; the first serves nearly every blob. */
static void release(void)
{
    size_t end = (dirty + PAGE - 1) / PAGE * PAGE;

    explicit_bzero(staging, dirty);
    explicit_bzero(&begun, sizeof begun);
    if (end > PAGE && sys_madvise(staging + PAGE, end - PAGE, MADV_DONTNEED) != 0)
        sys_madvise(staging + PAGE, end - PAGE, MADV_DONTNEED_LOCKED);
    held = dirty = 0;
}

/* The first size bytes are a blob's from now on. */
static void take(size_t size)
{
    held = dirty = size;
    touched = size > touched ? size : touched;
}

static int fail(int result, const char *step)
{
    fault_step = step;
    return result;
}

static int refuse_size(size_t size)
{
    snprintf(fault_why, sizeof fault_why,
             "store full: %zu bytes wanted; limit is %d bytes and %d names", size, STORE_SIZE,
             STORE_ENTRIES);
    return fail(MOTE_ERR_NO_ROOM, "write");
}

static int refuse_path(const char *step, const char *path, long error)
{
    snprintf(fault_why, sizeof fault_why, "%s %s: %s", step, path, errno_text(error));
    return fail(MOTE_ERR_IO, "write");
}

static int refuse_file(const char *step, const struct place *p, const char *suffix, long error)
{
    snprintf(fault_why, sizeof fault_why, "%s %s/%s%s: %s", step, p->directory, p->name, suffix,
             errno_text(error));
    return fail(MOTE_ERR_IO, "write");
}

/* Why it can't be said where a blob lies. */
static int refuse_name(enum store_kind kind, long error)
{
    static const char *const options[] = {"", "mote.secrets", "mote.config"};

    if (kind != STORE_SSH_KEY && error != -EINVAL)
        return refuse_path("option", options[kind], error);
    if (kind != STORE_SSH_KEY) {
        snprintf(fault_why, sizeof fault_why, "a file's name has no slash, and no dot in front");
        return fail(MOTE_ERR_INVALID, "write");
    }
    refuse_path("open", passwd_path(), error);
    return error == -ENOENT ? MOTE_ERR_NOT_FOUND : MOTE_ERR_IO;
}

/* A key's directory is a user's, and what is done to it may fail by itself. */
static int refuse_directory(const struct place *p, const char *step, long error)
{
    if (p->kind == STORE_SSH_KEY)
        return refuse_path(step, p->directory, error);
    return refuse_file("open", p, p->kind == STORE_SECRET ? ".tmp" : "", error);
}

/* As the real guest says it, which writes NAME.tmp, but the configuration in its place. */
static int refuse_write(const struct place *p, const char *step, long error)
{
    bool renamed = strcmp(step, "rename") == 0;

    if (p->kind == STORE_CONFIG)
        return refuse_file(renamed ? "open" : step, p, "", error);
    if (!renamed)
        return refuse_file(step, p, ".tmp", error);
    snprintf(fault_why, sizeof fault_why, "rename %s/%s.tmp %s/%s: %s", p->directory, p->name,
             p->directory, p->name, errno_text(error == -EISDIR ? -EEXIST : error));
    return fail(MOTE_ERR_IO, "rename");
}

/* Whether one more name than there is would be too many. */
static bool is_crowded(const struct place *p)
{
    long fd = place_open(p);
    struct listing list = {.directory = (int)fd};
    size_t names = 0;
    const char *name;

    if (fd < 0)
        return false;
    while ((name = files_next(&list)) != NULL && strcmp(name, p->name) != 0)
        names++;
    sys_close((int)fd);
    return name == NULL && names >= STORE_ENTRIES;
}

int store_begin(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size,
                char **space)
{
    release();
    if (name_len == 0 || name_len > STORE_NAME_MAX) {
        snprintf(fault_why, sizeof fault_why, "a name has 1 to %d bytes", STORE_NAME_MAX);
        return fail(MOTE_ERR_INVALID, "write");
    }
    if (size > STORE_SIZE)
        return refuse_size(size);
    long result = place_find(kind, name, name_len, &begun.place);
    if (result != 0)
        return refuse_name(kind, result);
    if (kind == STORE_SECRET && is_crowded(&begun.place))
        return refuse_size(size);
    begun.active = true;
    begun.mode = mode & 0777u;
    take(size);
    *space = staging;
    return MOTE_OK;
}

void store_trim(size_t size)
{
    if (!begun.active || size > held)
        return;
    explicit_bzero(staging + size, held - size);
    held = size;
}

static int write_begun(void)
{
    const struct place *p = &begun.place;
    const char *step;
    long fd = place_make(p, &step);

    if (fd < 0)
        return refuse_directory(p, step, fd);
    const struct file file = {
        .directory = (int)fd,
        .name = p->name,
        .mode = begun.mode,
        .uid = p->kind == STORE_SSH_KEY ? p->user.uid : FILES_OURS,
        .gid = p->user.gid,
    };
    long result = files_replace(&file, staging, held, &step);
    sys_close((int)fd);
    return result == 0 ? MOTE_OK : refuse_write(p, step, result);
}

int store_commit(void)
{
    if (!begun.active)
        return MOTE_ERR_INVALID;
    int result = write_begun();
    release();
    return result;
}

/* The directory in which a blob lies, if it does; -errno. */
static long open_place(enum store_kind kind, const char *name, size_t name_len, struct place *p)
{
    release();
    long result = place_find(kind, name, name_len, p);
    return result == 0 ? place_open(p) : -ENOENT;
}

void store_abandon(void)
{
    release();
}

/* A blob that was begun is given up: there is one piece of memory. */
int store_get(enum store_kind kind, const char *name, size_t name_len, struct store_blob *blob)
{
    struct place place;
    uint32_t mode;
    long fd = open_place(kind, name, name_len, &place);

    if (fd < 0)
        return MOTE_ERR_NOT_FOUND;
    long size = files_read((int)fd, place.name, staging, STORE_SIZE, &mode);
    sys_close((int)fd);
    if (size < 0)
        return MOTE_ERR_NOT_FOUND;
    take((size_t)size);
    *blob = (struct store_blob){.data = staging, .size = held, .mode = mode};
    return MOTE_OK;
}

int store_delete(enum store_kind kind, const char *name, size_t name_len)
{
    struct place place;
    long fd = open_place(kind, name, name_len, &place);

    if (fd < 0)
        return MOTE_ERR_NOT_FOUND;
    long result = files_destroy((int)fd, place.name);
    sys_close((int)fd);
    if (result == 0 || result == -ENOENT)
        return result == 0 ? MOTE_OK : MOTE_ERR_NOT_FOUND;
    return refuse_file("remove", &place, "", result);
}

/* Makes a name of the directory the next if it is a file between after and the next so far. */
static void consider(int directory, const char *name, const char *after, struct store_name *next)
{
    struct statx file;

    if (strcmp(name, after) <= 0 || (next->len != 0 && strcmp(name, next_name) >= 0))
        return;
    if (sys_statx(directory, name, AT_SYMLINK_NOFOLLOW, &file) != 0 || !files_is_regular(&file))
        return;
    strcpy(next_name, name);
    *next = (struct store_name){next_name, strlen(name), file.stx_size, file.stx_mode & 0777u};
}

/* Secrets alone: keys are their users', and there is one configuration. */
int store_next(enum store_kind kind, const char *after, size_t after_len, struct store_name *next)
{
    char bound[STORE_NAME_MAX + 1] = "";
    struct place place;

    *next = (struct store_name){0};
    if (kind != STORE_SECRET || after_len > STORE_NAME_MAX || place_find_secrets(&place) != 0)
        return MOTE_ERR_NOT_FOUND;
    memcpy(bound, after, after_len);
    struct listing list = {.directory = (int)place_open(&place)};
    const char *name;
    while ((name = files_next(&list)) != NULL)
        consider(list.directory, name, bound, next);
    sys_close(list.directory);
    return next->len != 0 ? MOTE_OK : MOTE_ERR_NOT_FOUND;
}

struct store_fault store_fault(void)
{
    return (struct store_fault){fault_step, fault_why};
}

size_t store_residue(void)
{
    size_t n = 0;

    for (size_t i = held; i < touched; i++)
        n += staging[i] != 0;
    return n;
}

/* What cannot be deleted was said by nobody, so it is here. */
static void delete_secrets(void)
{
    struct store_name next;
    char name[STORE_NAME_MAX + 1];
    size_t len = 0;

    while (store_next(STORE_SECRET, name, len, &next) == MOTE_OK) {
        len = next.len;
        memcpy(name, next.name, len);
        if (store_delete(STORE_SECRET, name, len) != MOTE_OK)
            printf("mote: %s\n", fault_why);
    }
}

/* A guest that goes takes its secrets along; as a service we leave its users' files alone. */
void store_wipe(void)
{
    release();
    if (life_is_init())
        delete_secrets();
    explicit_bzero(next_name, sizeof next_name);
}
