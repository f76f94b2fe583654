/* SPDX-License-Identifier: MIT */
/*
 * The client of `make bench-linux`, the same for all: sends REQUEST to a unix socket, expects
 * ANSWER, a newline behind each, and prints what it measured as NAME=VALUE.
 *
 *   pings SOCKET REQUEST ANSWER N                   on one connection: min_ns, p50_ns, p99_ns
 *   pings SOCKET REQUEST ANSWER start PROGRAM ...   from before exec to the first answer: first_ns
 */
#include "tests/bench/stream.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 128

/* Its words are not for whoever reads our figures. */
static pid_t start(char **words)
{
    pid_t pid = vfork();

    if (pid == 0) {
        dup2(open("/dev/null", O_RDWR), STDOUT_FILENO);
        dup2(STDOUT_FILENO, STDERR_FILENO);
        execv(words[0], words);
        _exit(127);
    }
    return pid;
}

/* Looks without a pause: one would be longer than what is measured. */
static void wait_for_answer(const char *path, const char *request, const char *answer)
{
    uint64_t end = now_ns() + PATIENCE_S * NS_PER_S;
    int fd;

    while ((fd = stream_connect(path, PATIENCE_S)) < 0)
        if (now_ns() > end || waitpid(-1, NULL, WNOHANG) != 0)
            errx(1, "%s: nobody listens there", path);
        else
            sched_yield();
    if (!stream_ask(fd, request, answer))
        errx(1, "%s: no answer, or another one", path);
}

static void measure_start(const char *path, const char *request, const char *answer, char **words)
{
    uint64_t begin;
    pid_t pid;

    unlink(path);
    begin = now_ns();
    pid = start(words);
    wait_for_answer(path, request, answer);
    printf("first_ns=%lu\n", (unsigned long)(now_ns() - begin));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void measure_pings(const char *path, const char *request, const char *answer, uint64_t n)
{
    int fd = stream_connect(path, PATIENCE_S);

    if (fd < 0)
        err(1, "%s", path);
    if (!stream_time(fd, request, answer, n))
        errx(1, "%s: no answer, or another one", path);
}

int main(int argc, char **argv)
{
    char request[LINE_SIZE], answer[LINE_SIZE];
    uint64_t n = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;

    if (argc < 5)
        errx(1, "usage: pings SOCKET REQUEST ANSWER N|start PROGRAM...");
    snprintf(request, sizeof request, "%s\n", argv[2]);
    snprintf(answer, sizeof answer, "%s\n", argv[3]);
    if (strcmp(argv[4], "start") == 0 && argc > 5)
        measure_start(argv[1], request, answer, argv + 5);
    else if (n > 0)
        measure_pings(argv[1], request, answer, n);
    else
        errx(1, "%s: neither a number nor start PROGRAM", argv[4]);
}
