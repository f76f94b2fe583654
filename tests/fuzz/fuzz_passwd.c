/* SPDX-License-Identifier: MIT */
/*
 * A user looked up in a file of any bytes, read in pieces of any size, against a reader that has
 * the whole file at once. The input: the name's length, the size of a piece (0: as many as are
 * asked for), whether the file's end can't be read; the name; the file.
 */
#include "platform/linux/sys.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

static struct input file;
static size_t piece;
static bool is_broken;

/* The file in the place of the system's; what is behind a piece in the buffer is not of it. */
static long read_piece(void *buf, size_t n)
{
    size_t most = piece != 0 && piece < n ? piece : n;
    size_t got = most < file.left ? most : file.left;

    if (got == 0)
        return is_broken ? -EIO : 0;
    memset(buf, '!', n);
    take_bytes(&file, buf, got);
    return (long)got;
}

/* clang-format off */
#define sys_open(path, flags, mode) ((void)(path), 3)
#define sys_read(fd, buf, n)        ((void)(fd), read_piece(buf, n))
#define sys_close(fd)               ((void)(fd))
#define take_bytes                  take_bytes_of_line
#include "platform/linux/passwd.c"
#undef take_bytes
/* clang-format on */

const char *files_option(const char *key, const char *otherwise)
{
    (void)key;
    return otherwise;
}

struct field {
    const uint8_t *s;
    size_t n;
};
#define FIELDS 7

/* Splits a line; the last field has what is left, colons with it. */
static bool split(const uint8_t *s, size_t n, struct field found[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++) {
        const uint8_t *colon = i < FIELDS - 1 ? memchr(s, ':', n) : s + n;
        if (colon == NULL)
            return false;
        found[i] = (struct field){s, (size_t)(colon - s)};
        n -= i < FIELDS - 1 ? found[i].n + 1 : 0;
        s = colon + 1;
    }
    return true;
}

static bool read_id(struct field f, unsigned *id)
{
    uint64_t value = 0;

    for (size_t i = 0; i < f.n; i++) {
        if (f.s[i] < '0' || f.s[i] > '9' || value > UINT32_MAX)
            return false;
        value = value * 10 + (uint64_t)(f.s[i] - '0');
    }
    *id = (unsigned)value;
    return f.n != 0 && value < UINT32_MAX;
}

/* Whether a line is the user's. */
static bool read_line(const uint8_t *s, size_t n, const char *name, size_t name_len,
                      struct user *user)
{
    struct field f[FIELDS];

    memset(user, 0, sizeof *user);
    if (!split(s, n, f) || f[0].n == 0 || f[0].n != name_len || memcmp(f[0].s, name, name_len) != 0)
        return false;
    if (!read_id(f[2], &user->uid) || !read_id(f[3], &user->gid))
        return false;
    if (f[5].n == 0 || f[5].n >= PASSWD_HOME_MAX || *f[5].s != '/' || memchr(f[5].s, 0, f[5].n))
        return false;
    memcpy(user->home, f[5].s, f[5].n);
    if (f[6].n < PASSWD_SHELL_MAX)
        memcpy(user->shell, f[6].s, f[6].n);
    return true;
}

static long find(struct input in, const char *name, size_t name_len, struct user *user)
{
    while (in.left != 0) {
        const uint8_t *newline = memchr(in.at, '\n', in.left);
        size_t n = newline != NULL ? (size_t)(newline - in.at) : in.left;
        if ((newline != NULL || !is_broken) && read_line(in.at, n, name, name_len, user))
            return 0;
        n += newline != NULL;
        in.at += n;
        in.left -= n;
    }
    return is_broken ? -EIO : -ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct user user, wanted;
    size_t name_len = take8(&in) % 64;

    piece = take8(&in);
    is_broken = take8(&in) % 2 != 0;
    char *name = exact(NULL, name_len);
    take_bytes(&in, name, name_len);
    file = in;
    memset(&user, '!', sizeof user);
    long result = passwd_find(name, name_len, &user);
    CHECK(result == find(in, name, name_len, &wanted));
    if (result == 0) {
        CHECK(user.uid == wanted.uid && user.gid == wanted.gid);
        CHECK(strcmp(user.home, wanted.home) == 0 && strcmp(user.shell, wanted.shell) == 0);
    }
    free(name);
    return 0;
}
