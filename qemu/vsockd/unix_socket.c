/* SPDX-License-Identifier: MIT */
/*
 * Unix stream sockets by path. See unix_socket.h. Connecting never waits: a unix
 * socket is connected at once, or its listener's backlog is full and the caller is
 * told so.
 */
#include "qemu/vsockd/unix_socket.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* False when path is too long for an address. */
static bool make_address(const char *path, struct sockaddr_un *address)
{
    size_t len = strlen(path);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (len > UNIX_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, len);
    return true;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int unix_connect(const char *path)
{
    struct sockaddr_un address;
    int fd = make_address(path, &address) ? new_socket() : -1;

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Removes a socket that nobody answers on; leaves everything else for bind() to trip over. */
static void remove_stale(const char *path)
{
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = unix_connect(path);
    if (fd >= 0)
        close(fd);
    else if (errno == ECONNREFUSED)
        unlink(path);
}

int unix_listen(const char *path)
{
    struct sockaddr_un address;
    int fd;

    if (!make_address(path, &address)) {
        warn("%s", path);
        return -1;
    }
    remove_stale(path);
    fd = new_socket();
    if (fd < 0) {
        warn("%s: socket", path);
        return -1;
    }
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        warn("%s: bind", path);
        close(fd);
        return -1;
    }
    if (listen(fd, SOMAXCONN) != 0) {
        warn("%s: listen", path);
        unlink(path);
        close(fd);
        return -1;
    }
    return fd;
}

int unix_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
