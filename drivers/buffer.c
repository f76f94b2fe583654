/* SPDX-License-Identifier: MIT */
/*
 * The linear byte buffer of a connection. Unread bytes are moved to the front only
 * when the space behind them is too small; the bytes they leave behind are wiped.
 */
#include "drivers/buffer.h"

#include <string.h>

static void compact(struct buffer *b)
{
    uint32_t used = buffer_used(b);

    memmove(b->base, b->base + b->head, used);
    /* Everything up to the old head was wiped when it was consumed. */
    uint32_t stale = used > b->head ? used : b->head;
    explicit_bzero(b->base + stale, b->tail - stale);
    b->head = 0;
    b->tail = used;
}

uint8_t *buffer_reserve(struct buffer *b, uint32_t least, uint32_t *room)
{
    if (b->size - b->tail < least)
        compact(b);
    *room = b->size - b->tail;
    return b->base + b->tail;
}

void buffer_commit(struct buffer *b, uint32_t n)
{
    b->tail += n;
}

void buffer_append(struct buffer *b, const void *data, uint32_t n)
{
    uint32_t room;

    memcpy(buffer_reserve(b, n, &room), data, n);
    b->tail += n;
}

void buffer_consume(struct buffer *b, uint32_t n)
{
    explicit_bzero(b->base + b->head, n);
    b->head += n;
    if (b->head == b->tail)
        b->head = b->tail = 0;
}

void buffer_skip(struct buffer *b, uint32_t n)
{
    b->head += n;
    if (b->head == b->tail)
        b->head = b->tail = 0;
}

void buffer_clear(struct buffer *b)
{
    buffer_consume(b, buffer_used(b));
}
