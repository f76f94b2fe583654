/* SPDX-License-Identifier: MIT */
#include "agent/workload_output.h"

#include "platform/platform.h"

void workload_lines_begin(struct workload_output *o, const char *name)
{
    size_t n = strlen(name);

    memcpy(o->line, name, n);
    memcpy(o->line + n, ": ", 2);
    o->prefix = o->used = n + 2;
}

static void end_line(struct workload_output *o)
{
    o->line[o->used++] = '\n';
    platform_write(o->line, o->used);
    o->used = o->prefix;
}

static char shown(char c)
{
    bool control = ((unsigned char)c < ' ' && c != '\t' && c != '\033') || c == '\177';

    return control ? '?' : c;
}

static void put(struct workload_output *o, char c)
{
    bool second = c == '\n' && o->after_cr; /* the line has ended already */

    o->after_cr = c == '\r';
    if (c == '\n' || c == '\r') {
        if (!second)
            end_line(o);
        return;
    }
    if (o->used == o->prefix + WORKLOAD_LINE_MAX)
        end_line(o);
    o->line[o->used++] = shown(c);
}

void workload_lines_put(struct workload_output *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(o, s[i]);
}

void workload_lines_flush(struct workload_output *o)
{
    if (o->used != o->prefix)
        end_line(o);
    o->after_cr = false;
}

void workload_ring_put(struct workload_output *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        o->ring[o->total++ % WORKLOAD_RING_SIZE] = s[i];
    o->kept = n < WORKLOAD_RING_SIZE - o->kept ? o->kept + (uint32_t)n : WORKLOAD_RING_SIZE;
}
_Static_assert(WORKLOAD_RING_SIZE != 0 && UINT32_MAX % WORKLOAD_RING_SIZE == WORKLOAD_RING_SIZE - 1,
               "the place of a byte stays the same when the count begins anew");

size_t workload_ring_get(const struct workload_output *o, uint32_t *offset, char *dst, size_t cap)
{
    uint32_t behind = o->total - *offset; /* one from the future is far in the past */

    if (behind > o->kept)
        *offset = o->total - (behind = o->kept);
    size_t n = behind < cap ? behind : cap;
    for (size_t i = 0; i < n; i++)
        dst[i] = o->ring[(*offset + i) % WORKLOAD_RING_SIZE];
    return n;
}
