/* SPDX-License-Identifier: MIT */
/*
 * Counts the system calls of a program, by their numbers, in a file that anybody may map and read
 * meanwhile: `syscalls FILE PROGRAM ...`. Ends with it, and takes it along. Its children are not
 * counted.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define CALLS_MAX 512 /* tests/bench/linux_measure.py has it, too */

static uint64_t *counts;

static void map_counts(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || ftruncate(fd, CALLS_MAX * sizeof *counts) != 0)
        err(1, "%s", path);
    counts = mmap(NULL, CALLS_MAX * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counts == MAP_FAILED)
        err(1, "%s", path);
}

static void begin(char **words)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(words[0], words);
    err(1, "%s", words[0]);
}

static void count_call(pid_t pid)
{
    struct ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr < CALLS_MAX)
        counts[info.entry.nr]++;
}

int main(int argc, char **argv)
{
    int status;
    pid_t pid;

    if (argc < 3)
        errx(1, "usage: syscalls FILE PROGRAM...");
    map_counts(argv[1]);
    pid = fork();
    if (pid == 0)
        begin(argv + 2);
    waitpid(pid, &status, 0); /* its exec */
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (int signal = 0; ptrace(PTRACE_SYSCALL, pid, 0, signal) == 0;) {
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            break;
        signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) {
            count_call(pid);
            signal = 0;
        }
    }
}
