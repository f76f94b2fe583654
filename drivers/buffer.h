/* SPDX-License-Identifier: MIT */
/*
 * A linear byte buffer over memory that the caller owns: bytes enter at the tail
 * and leave at the head, and what is unread always lies in one piece, so that a
 * line can be decoded where it arrived. What is consumed is wiped, because it may
 * be part of a secret.
 */
#ifndef DRIVERS_BUFFER_H
#define DRIVERS_BUFFER_H

#include <stdint.h>

struct buffer {
    uint8_t *base;
    uint32_t size;
    uint32_t head; /* first unread byte */
    uint32_t tail; /* one past the last unread byte */
};

/* Bytes that wait to be read. */
static inline uint32_t buffer_used(const struct buffer *b)
{
    return b->tail - b->head;
}

/* Bytes that can still be written. */
static inline uint32_t buffer_free(const struct buffer *b)
{
    return b->size - buffer_used(b);
}

/* The unread bytes; buffer_used() of them. */
static inline const uint8_t *buffer_data(const struct buffer *b)
{
    return b->base + b->head;
}

/*
 * Where the next byte goes, and in *room how many can go there in one piece: at least
 * `least`, for which unread bytes are moved if they must be; least <= buffer_free().
 */
uint8_t *buffer_reserve(struct buffer *b, uint32_t least, uint32_t *room);

/* Appends n bytes that were written at buffer_reserve(); n <= its room. */
void buffer_commit(struct buffer *b, uint32_t n);

/* Appends a copy of n bytes; n <= buffer_free(). Moves unread bytes only when it must. */
void buffer_append(struct buffer *b, const void *data, uint32_t n);

/* Wipes and drops the first n unread bytes; n <= buffer_used(). */
void buffer_consume(struct buffer *b, uint32_t n);

/*
 * Drops the first n unread bytes without wiping them: they stay readable at the old
 * buffer_data() until the next write. For sent bytes, which hold no secret.
 */
void buffer_skip(struct buffer *b, uint32_t n);

/* Wipes and drops everything. */
void buffer_clear(struct buffer *b);

#endif
