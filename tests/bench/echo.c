/* SPDX-License-Identifier: MIT */
/*
 * What no agent can be faster than: `echo SOCKET` accepts a connection on a unix socket, writes
 * back what it reads until the end, accepts the next. It waits in accept and read alone.
 */
#include <err.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void serve(int fd)
{
    char data[4096];
    ssize_t n;

    while ((n = read(fd, data, sizeof data)) > 0)
        if (write(fd, data, (size_t)n) != n)
            return;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc != 2)
        errx(1, "usage: echo SOCKET");
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    unlink(argv[1]);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0)
        err(1, "%s", argv[1]);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            err(1, "accept");
        serve(fd);
        close(fd);
    }
}
