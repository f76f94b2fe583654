/* SPDX-License-Identifier: MIT */
/*
 * A connection to the guest that carries lines: bytes out, one line in at a time.
 * It doesn't read what the lines say. After a failure it must be closed, because
 * a late answer would be taken for the next one's.
 */
#ifndef MOTECTL_STREAM_H
#define MOTECTL_STREAM_H

#include "proto/stereos.h"
#include "qemu/motectl/address.h"

struct stream {
    int fd;
    size_t start; /* of what is not read yet in data */
    size_t end;
    char data[STEREOS_PEER_LINE_MAX + 1]; /* the longest line and its '\n' */
};

enum status stream_open(struct stream *s, const struct address *address, int64_t deadline);
enum status stream_send(struct stream *s, const char *bytes, size_t n, int64_t deadline);

/* The next line without '\n' and one '\r', in place: valid until the next call. */
enum status stream_line(struct stream *s, int64_t deadline, const char **line, size_t *len);

void stream_close(struct stream *s);

#endif
