/* SPDX-License-Identifier: MIT */
/*
 * The byte buffer: from any state that keeps the invariant, an operation used as its contract
 * says stays in bounds, keeps the unread bytes in their order, and leaves none of the others:
 * what is not unread is zero, as long as everything was consumed and nothing skipped.
 */
#include "tests/proof/bytes.h"

#include "drivers/buffer.c"

#define SIZE_MAX_PROVED 8

static struct buffer b;
static uint8_t memory[SIZE_MAX_PROVED];
static uint8_t unread[SIZE_MAX_PROVED]; /* what must still be there, in order */
static uint32_t count;

static bool is_sound(void)
{
    return b.head <= b.tail && b.tail <= b.size && (b.head != b.tail || b.head == 0);
}

static void any_buffer(bool wiped)
{
    b.size = nondet_u32();
    b.head = nondet_u32();
    b.tail = nondet_u32();
    ASSUME(b.size <= SIZE_MAX_PROVED && is_sound());
    b.base = memory + SIZE_MAX_PROVED - b.size; /* to touch the byte behind it is an error */
    ANY(memory);
    count = b.tail - b.head;
    for (uint32_t i = 0; i < b.size; i++) {
        if (i >= b.head && i < b.tail)
            unread[i - b.head] = b.base[i];
        else
            ASSUME(!wiped || b.base[i] == 0);
    }
}

static void check(bool wiped)
{
    PROVE(is_sound());
    PROVE(buffer_used(&b) == count && buffer_free(&b) == b.size - count);
    for (uint32_t i = 0; i < b.size; i++) {
        if (i >= b.head && i < b.tail)
            PROVE(b.base[i] == unread[i - b.head]);
        else
            PROVE(!wiped || b.base[i] == 0);
    }
}

void prove_buffer_append(void)
{
    uint8_t data[SIZE_MAX_PROVED];
    uint32_t n = nondet_u32();
    bool wiped = nondet_bool();

    any_buffer(wiped);
    ASSUME(n <= buffer_free(&b));
    for (uint32_t i = 0; i < n; i++)
        unread[count + i] = data[i];
    count += n;
    buffer_append(&b, data, n);
    check(wiped);
}

void prove_buffer_reserve(void)
{
    bool wiped = nondet_bool();
    uint32_t least = nondet_u32(), room;

    any_buffer(wiped);
    ASSUME(least <= buffer_free(&b));
    uint8_t *space = buffer_reserve(&b, least, &room);
    PROVE(space == b.base + b.tail && room == b.size - b.tail && room >= least);
    check(wiped);
}

void prove_buffer_consume(void)
{
    uint32_t n = nondet_u32();
    bool wiped = nondet_bool(), all = nondet_bool(), skip = nondet_bool();

    any_buffer(wiped);
    n = all ? count : n;
    ASSUME(n <= count);
    for (uint32_t i = 0; i + n < count; i++)
        unread[i] = unread[i + n];
    count -= n;
    if (skip)
        buffer_skip(&b, n);
    else if (all)
        buffer_clear(&b);
    else
        buffer_consume(&b, n);
    check(wiped && !skip);
}
