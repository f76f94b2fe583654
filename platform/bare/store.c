/* SPDX-License-Identifier: MIT */
/*
 * The store in a fixed arena: blobs lie one behind the other in the order in which they
 * came, each behind its name; a hole is closed at once and what it leaves is wiped.
 */
#include "platform/store.h"

#include <stdbool.h>
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
static bool begun; /* the last entry is not committed */

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

/* The first count entries are looked at. */
static int find(uint32_t limit, enum store_kind kind, const char *name, size_t name_len)
{
    for (uint32_t i = 0; i < limit; i++)
        if (entries[i].kind == kind && entries[i].name_len == name_len &&
            memcmp(arena + entries[i].offset, name, name_len) == 0)
            return (int)i;
    return MOTE_ERR_NOT_FOUND;
}

int store_begin(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size,
                char **space)
{
    if (name_len == 0 || name_len > STORE_NAME_MAX)
        return MOTE_ERR_INVALID;
    if (begun) /* the one before was given up */
        remove_entry(count - 1);
    begun = false;
    if (count == STORE_ENTRIES || size > STORE_SIZE || name_len + size > STORE_SIZE - used)
        return MOTE_ERR_NO_ROOM;
    memcpy(arena + used, name, name_len);
    *space = arena + used + name_len;
    entries[count++] = (struct entry){.offset = used,
                                      .size = (uint32_t)size,
                                      .mode = mode,
                                      .name_len = (uint16_t)name_len,
                                      .kind = (uint8_t)kind};
    used += (uint32_t)(name_len + size);
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

void store_commit(void)
{
    if (!begun)
        return;
    const struct entry *e = &entries[count - 1];
    int old = find(count - 1, e->kind, arena + e->offset, e->name_len);
    begun = false;
    if (old >= 0)
        remove_entry((uint32_t)old);
}

int store_get(enum store_kind kind, const char *name, size_t name_len, struct store_blob *blob)
{
    int at = find(begun ? count - 1 : count, kind, name, name_len);

    if (at < 0)
        return at;
    const struct entry *e = &entries[at];
    *blob = (struct store_blob){
        .data = arena + e->offset + e->name_len, .size = e->size, .mode = e->mode};
    return MOTE_OK;
}

size_t store_free(void)
{
    return STORE_SIZE - used;
}

void store_wipe(void)
{
    explicit_bzero(arena, used);
    explicit_bzero(entries, sizeof entries);
    count = used = 0;
    begun = false;
}
