/* SPDX-License-Identifier: MIT */
/*
 * Reading an address. It does not look whether anything is there.
 */
#include "qemu/motectl/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stereos.h"

#define TCP_PORT_MAX 65535u

struct scheme {
    const char *prefix;
    const char *form; /* for the message when it can't be read */
    bool (*parse)(const char *rest, struct address *address);
};

static bool parse_number(const char *s, size_t len, uint32_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
        if (v > UINT32_MAX)
            return false;
    }
    *value = (uint32_t)v;
    return len > 0;
}

static bool copy_string(char *dst, size_t cap, const char *s, size_t len)
{
    if (len == 0 || len >= cap)
        return false;
    memcpy(dst, s, len);
    dst[len] = '\0';
    return true;
}

/* A path that itself ends in a colon and digits can't be told from a hybrid address. */
static bool parse_unix(const char *rest, struct address *address)
{
    const char *colon = strrchr(rest, ':');

    if (colon != NULL && parse_number(colon + 1, strlen(colon + 1), &address->port)) {
        address->kind = ADDRESS_HYBRID;
        return copy_string(address->path, sizeof(address->path), rest, (size_t)(colon - rest));
    }
    address->kind = ADDRESS_UNIX;
    return copy_string(address->path, sizeof(address->path), rest, strlen(rest));
}

static bool parse_vsock(const char *rest, struct address *address)
{
    size_t len = strcspn(rest, ":");

    address->kind = ADDRESS_VSOCK;
    address->port = STEREOS_PORT;
    if (!parse_number(rest, len, &address->cid))
        return false;
    return rest[len] == '\0' ||
           parse_number(rest + len + 1, strlen(rest + len + 1), &address->port);
}

static bool parse_tcp(const char *rest, struct address *address)
{
    const char *colon = strrchr(rest, ':');
    size_t len;

    address->kind = ADDRESS_TCP;
    if (colon == NULL || !parse_number(colon + 1, strlen(colon + 1), &address->port) ||
        address->port > TCP_PORT_MAX)
        return false;
    len = (size_t)(colon - rest);
    if (len > 2 && rest[0] == '[' && rest[len - 1] == ']') {
        rest++;
        len -= 2;
    }
    return copy_string(address->host, sizeof(address->host), rest, len);
}

static const struct scheme schemes[] = {
    {"unix:", "unix:PATH or unix:PATH:PORT, PATH at most 107 bytes", parse_unix},
    {"vsock:", "vsock:CID or vsock:CID:PORT", parse_vsock},
    {"tcp:", "tcp:HOST:PORT", parse_tcp},
};

enum status address_parse(const char *text, struct address *address)
{
    *address = (struct address){.text = text};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);

        if (strncmp(text, schemes[i].prefix, len) != 0)
            continue;
        if (!schemes[i].parse(text + len, address))
            return fail(STATUS_FAILED, "bad address %s: it must be %s", text, schemes[i].form);
        return STATUS_OK;
    }
    return fail(STATUS_FAILED, "bad address %s: it must begin with unix:, vsock: or tcp:", text);
}
