/* SPDX-License-Identifier: MIT */
/*
 * A Linux that runs guests of its own, for tests that need the kernel's vhost-vsock: PID 1 of an
 * initramfs with QEMU in it. It knows nothing of what is done there; a client outside connects
 * to one vsock port and says in a line, words between tabs, what its connection shall be:
 *
 *   run PROGRAM ARGUMENT...   standard input, output and errors of a program
 *   vsock CID PORT            a connection to a guest in here ("OK" behind the line when it is)
 *   unix PATH                 a connection to a socket, as soon as somebody listens there ("OK")
 *   listen PATH               what somebody connects to a socket ("OK" when it listens)
 */
#include "tests/linux/init.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define PORT       7100
#define BACKLOG    64
#define LINE_MAX   8192
#define WORDS_MAX  64
#define PATIENCE_S 60 /* for what happens at once where there is no TCG below TCG */
#define TRY_US     50000
#define TRIES      (PATIENCE_S * 1000000 / TRY_US)

static const char ok[] = "OK\n";

static bool write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, data, n);

        if (sent <= 0)
            return false;
        data += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Carries one direction to its end. */
static void copy(int from, int to)
{
    static char data[65536];
    ssize_t n;

    while ((n = read(from, data, sizeof data)) > 0 && write_all(to, data, (size_t)n)) {
    }
    shutdown(to, SHUT_WR);
    shutdown(from, SHUT_RD);
}

/* Each direction has a process: neither waits for the other. */
static void relay(int client, int peer)
{
    if (fork() == 0)
        copy(client, peer);
    else
        copy(peer, client);
}

static void run(int client, char **words)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        dup2(client, fd);
    signal(SIGCHLD, SIG_DFL);
    execv(words[1], words + 1);
    perror(words[1]);
}

static void relay_if(bool connected, int client, int peer)
{
    if (connected && write_all(client, ok, sizeof ok - 1))
        relay(client, peer);
}

static void relay_vsock(int client, char **words)
{
    struct sockaddr_vm address = {.svm_family = AF_VSOCK,
                                  .svm_cid = (unsigned)strtoul(words[1], NULL, 10),
                                  .svm_port = (unsigned)strtoul(words[2], NULL, 10)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int peer = socket(AF_VSOCK, SOCK_STREAM, 0);

    setsockopt(peer, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof patience);
    relay_if(connect(peer, (struct sockaddr *)&address, sizeof address) == 0, client, peer);
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

static void relay_unix(int client, char **words)
{
    struct sockaddr_un address = unix_address(words[1]);
    int peer = socket(AF_UNIX, SOCK_STREAM, 0), tries = TRIES;

    while (connect(peer, (struct sockaddr *)&address, sizeof address) != 0 && --tries > 0)
        usleep(TRY_US);
    relay_if(tries > 0, client, peer);
}

static void relay_listener(int client, char **words)
{
    struct sockaddr_un address = unix_address(words[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    unlink(words[1]);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 1) == 0 && write_all(client, ok, sizeof ok - 1))
        relay(client, accept(listener, NULL, NULL));
}

static const struct {
    const char *name;
    int words;
    void (*act)(int client, char **words);
} commands[] = {
    {"run", 2, run},
    {"vsock", 3, relay_vsock},
    {"unix", 2, relay_unix},
    {"listen", 2, relay_listener},
};

/* Reads up to the newline and not one byte further: what follows is the stream's. */
static bool read_line(int fd, char *line)
{
    for (size_t at = 0; at < LINE_MAX - 1 && read(fd, line + at, 1) == 1; at++) {
        if (line[at] == '\n') {
            line[at] = '\0';
            return true;
        }
    }
    return false;
}

static void serve(int client)
{
    static char line[LINE_MAX];
    char *words[WORDS_MAX + 1] = {NULL};
    int count = 0;

    if (!read_line(client, line))
        return;
    for (char *word = strtok(line, "\t"); word != NULL && count < WORDS_MAX;
         word = strtok(NULL, "\t"))
        words[count++] = word;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (count >= commands[i].words && strcmp(words[0], commands[i].name) == 0)
            commands[i].act(client, words);
}

int main(void)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT};
    int listener, client;

    init_begin();
    signal(SIGCHLD, SIG_IGN); /* nobody waits for a child */
    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, BACKLOG) != 0)
        fail("listen");
    printf("linux: ready\n");
    while ((client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (fork() == 0) {
            serve(client);
            _exit(0);
        }
        close(client);
    }
    fail("accept");
}
