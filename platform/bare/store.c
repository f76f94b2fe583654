/* SPDX-License-Identifier: MIT */
/*
 * The store in a fixed arena: blobs lie one behind the other in the order in which they
 * came, each behind its name; a hole is closed at once and what it leaves is wiped.
 */
#include "platform/store.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct entry {
    uint32_t offset; /* of the name; the data follow it */
    uint32_t size;   /* of the data */
    uint32_t mode;
    uint16_t name_len;
    uint8_t kind;
};

static char arena[STORE_SIZE] __attribute__((aligned(16), section(".noinit")));
static struct entry entries[STORE_ENTRIES];
static uint32_t count;
static uint32_t used;
static uint32_t touched; /* the most that was ever used; behind it lies what was there at boot */
static bool begun;       /* the last entry is not committed */
static char fault[128];

static uint32_t entry_size(const struct entry *e)
{
    return e->name_len + e->size;
}

static void remove_entry(uint32_t at)
{
    struct entry gone = entries[at];
    uint32_t n = entry_size(&gone);

    memmove(arena + gone.offset, arena + gone.offset + n, used - gone.offset - n);
    used -= n;
    explicit_bzero(arena + used, n);
    count--;
    for (uint32_t i = at; i < count; i++) {
        entries[i] = entries[i + 1];
        entries[i].offset -= n;
    }
}

/* How many entries readers see. */
static uint32_t committed(void)
{
    return begun ? count - 1 : count;
}

/* The first limit entries are looked at. */
static int find(uint32_t limit, enum store_kind kind, const char *name, size_t name_len)
{
    for (uint32_t i = 0; i < limit; i++)
        if (entries[i].kind == kind && entries[i].name_len == name_len &&
            memcmp(arena + entries[i].offset, name, name_len) == 0)
            return (int)i;
    return MOTE_ERR_NOT_FOUND;
}

/* What does not fit is refused with the limits. */
static int refuse_size(size_t size)
{
    snprintf(fault, sizeof fault,
             "store full: %zu bytes wanted, %u free; limit is %d bytes and %d names", size,
             (unsigned)(STORE_SIZE - used), STORE_SIZE, STORE_ENTRIES);
    return MOTE_ERR_NO_ROOM;
}

int store_begin(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size,
                char **space)
{
    if (name_len == 0 || name_len > STORE_NAME_MAX) {
        snprintf(fault, sizeof fault, "a name has 1 to %d bytes", STORE_NAME_MAX);
        return MOTE_ERR_INVALID;
    }
    if (begun) /* the one before was given up */
        remove_entry(count - 1);
    begun = false;
    if (count == STORE_ENTRIES || size > STORE_SIZE || name_len + size > STORE_SIZE - used)
        return refuse_size(size);
    memcpy(arena + used, name, name_len);
    *space = arena + used + name_len;
    entries[count++] = (struct entry){.offset = used,
                                      .size = (uint32_t)size,
                                      .mode = mode,
                                      .name_len = (uint16_t)name_len,
                                      .kind = (uint8_t)kind};
    used += (uint32_t)(name_len + size);
    touched = used > touched ? used : touched;
    begun = true;
    return MOTE_OK;
}

void store_trim(size_t size)
{
    struct entry *e = &entries[count - 1];

    if (!begun || size > e->size)
        return;
    used -= e->size - (uint32_t)size;
    explicit_bzero(arena + used, e->size - size);
    e->size = (uint32_t)size;
}

int store_commit(void)
{
    if (!begun)
        return MOTE_ERR_INVALID;
    const struct entry *e = &entries[count - 1];
    int old = find(count - 1, e->kind, arena + e->offset, e->name_len);
    begun = false;
    if (old >= 0)
        remove_entry((uint32_t)old);
    return MOTE_OK;
}

int store_get(enum store_kind kind, const char *name, size_t name_len, struct store_blob *blob)
{
    int at = find(committed(), kind, name, name_len);

    if (at < 0)
        return at;
    const struct entry *e = &entries[at];
    *blob = (struct store_blob){
        .data = arena + e->offset + e->name_len, .size = e->size, .mode = e->mode};
    return MOTE_OK;
}

int store_delete(enum store_kind kind, const char *name, size_t name_len)
{
    int at = find(committed(), kind, name, name_len);

    if (at < 0)
        return at;
    remove_entry((uint32_t)at);
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
    for (uint32_t i = 0; i < committed(); i++) {
        const struct entry *e = &entries[i];
        const char *name = arena + e->offset;
        if (e->kind == kind && precedes(after, after_len, name, e->name_len) &&
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
    begun = false;
}
