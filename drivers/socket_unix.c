/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets, for an agent that is an ordinary process: the control port at PATH, any other that
 * we listen on at PATH.PORT, and those of the host that we connect to at PATH_PORT, so that both
 * can have one of the same number. Only the owner of the file may connect.
 */
#include "drivers/socket_way.h"

#include "drivers/endpoint.h"

#include <stdio.h>
#include <string.h>

/* The agent's; a driver can't ask it. */
#define CONTROL_PORT 1024

#define SUFFIX_MAX 6 /* ".65535" and more: what is longer is refused when it is used */

/* In front of a port. */
#define OURS  '.'
#define HOSTS '_'

static char base[UNIX_PATH_MAX];

bool socket_unix_use(const char *path, size_t len)
{
    if (len == 0 || len + SUFFIX_MAX >= sizeof base || memchr(path, '\0', len) != NULL)
        return false;
    memcpy(base, path, len);
    base[len] = '\0';
    return true;
}

static bool find_address(char separator, uint32_t port, struct sockaddr_un *a)
{
    const size_t room = sizeof a->sun_path;
    int n;

    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (port == CONTROL_PORT)
        n = snprintf(a->sun_path, room, "%s", base);
    else
        n = snprintf(a->sun_path, room, "%s%c%u", base, separator, (unsigned)port);
    return (size_t)n < room;
}

/* The file that bind() makes has the mode of its socket. */
static void prepare(int fd)
{
    sys_fchmod(fd, 0600);
}

/* Removes what a dead process left. 0; -EADDRINUSE: it lives; -EEXIST: that is no socket. */
static long remove_stale(const struct sockaddr_un *a)
{
    struct statx found;
    long result = -EIO;

    if (sys_statx(AT_FDCWD, a->sun_path, AT_SYMLINK_NOFOLLOW, &found) == 0 &&
        (found.stx_mode & S_IFMT) != S_IFSOCK)
        return -EEXIST;
    long fd = socket_connecting(AF_UNIX, a, sizeof *a, &result);
    if (fd < 0)
        return fd;
    sys_close((int)fd);
    if (result != -ECONNREFUSED)
        return -EADDRINUSE;
    return sys_unlinkat(AT_FDCWD, a->sun_path, 0);
}

static long unix_listen(uint32_t port)
{
    struct sockaddr_un a;

    if (!find_address(OURS, port, &a))
        return -ENAMETOOLONG;
    long result = socket_bound(AF_UNIX, prepare, &a, sizeof a);
    if (result != -EADDRINUSE)
        return result;
    result = remove_stale(&a);
    return result == 0 ? socket_bound(AF_UNIX, prepare, &a, sizeof a) : result;
}

static void unix_unlisten(uint32_t port)
{
    struct sockaddr_un a;

    if (find_address(OURS, port, &a))
        sys_unlinkat(AT_FDCWD, a.sun_path, 0);
}

static long unix_connect(uint64_t cid, uint32_t port, long *result)
{
    struct sockaddr_un a;

    if (cid != ENDPOINT_CID_HOST || !find_address(HOSTS, port, &a))
        return -EOPNOTSUPP;
    return socket_connecting(AF_UNIX, &a, sizeof a, result);
}

static struct socket_peer unix_peer(const union socket_address *a)
{
    (void)a; /* clients have no name */
    return (struct socket_peer){.cid = ENDPOINT_CID_HOST};
}

static void unix_name(uint32_t port, char *text, size_t n)
{
    struct sockaddr_un a;

    find_address(OURS, port, &a);
    snprintf(text, n, "unix socket %s", a.sun_path);
}

const struct socket_way socket_unix = {
    .listen = unix_listen,
    .unlisten = unix_unlisten,
    .connect = unix_connect,
    .peer = unix_peer,
    .name = unix_name,
};
