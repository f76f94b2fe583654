/* SPDX-License-Identifier: MIT */
/*
 * Linux system calls, raw: each returns what the kernel does, a value >= 0 or -errno. Types,
 * flags and error numbers are the kernel's own (linux/, asm/): those of the C library that
 * mote links are of another system. What is plain POSIX and missing there stands below.
 */
#ifndef PLATFORM_LINUX_SYS_H
#define PLATFORM_LINUX_SYS_H

#include <asm/errno.h>
#include <asm/socket.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline long syscall6(long n, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static inline long syscall3(long n, long a, long b, long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

/* Files. */
static inline long sys_openat(int at, const char *path, int flags, unsigned mode)
{
    return syscall6(__NR_openat, at, (long)path, flags | O_CLOEXEC, mode, 0, 0);
}

static inline long sys_open(const char *path, int flags, unsigned mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

static inline long sys_close(int fd)
{
    return syscall3(__NR_close, fd, 0, 0);
}

static inline long sys_read(int fd, void *buf, size_t n)
{
    return syscall3(__NR_read, fd, (long)buf, (long)n);
}

static inline long sys_write(int fd, const void *buf, size_t n)
{
    return syscall3(__NR_write, fd, (long)buf, (long)n);
}

static inline long sys_pwrite(int fd, const void *buf, size_t n, long at)
{
    return syscall6(__NR_pwrite64, fd, (long)buf, (long)n, at, 0, 0);
}

/* What is at path, below the directory at; an empty path and AT_EMPTY_PATH: what at is. */
static inline long sys_statx(int at, const char *path, int flags, struct statx *found)
{
    return syscall6(__NR_statx, at, (long)path, flags, STATX_BASIC_STATS, (long)found, 0);
}

static inline long sys_mkdirat(int at, const char *path, unsigned mode)
{
    return syscall3(__NR_mkdirat, at, (long)path, mode);
}

static inline long sys_unlinkat(int at, const char *path, int flags)
{
    return syscall3(__NR_unlinkat, at, (long)path, flags);
}

static inline long sys_renameat(int from, const char *old, int to, const char *new)
{
    return syscall6(__NR_renameat, from, (long)old, to, (long)new, 0, 0);
}

static inline long sys_symlink(const char *target, const char *path)
{
    return syscall3(__NR_symlink, (long)target, (long)path, 0);
}

static inline long sys_fchmod(int fd, unsigned mode)
{
    return syscall3(__NR_fchmod, fd, mode, 0);
}

static inline long sys_fchown(int fd, unsigned uid, unsigned gid)
{
    return syscall3(__NR_fchown, fd, uid, gid);
}

static inline long sys_fchownat(int at, const char *path, unsigned uid, unsigned gid, int flags)
{
    return syscall6(__NR_fchownat, at, (long)path, uid, gid, flags, 0);
}

static inline long sys_getdents64(int fd, void *buf, size_t n)
{
    return syscall3(__NR_getdents64, fd, (long)buf, (long)n);
}

static inline long sys_statfs(const char *path, void *statfs)
{
    return syscall3(__NR_statfs, (long)path, (long)statfs, 0);
}

static inline long sys_chdir(const char *path)
{
    return syscall3(__NR_chdir, (long)path, 0, 0);
}

static inline long sys_umask(unsigned mask)
{
    return syscall3(__NR_umask, mask, 0, 0);
}

static inline long sys_dup3(int from, int to, int flags)
{
    return syscall3(__NR_dup3, from, to, flags);
}

static inline long sys_pipe2(int fds[2], int flags)
{
    return syscall3(__NR_pipe2, (long)fds, flags, 0);
}

static inline long sys_fcntl(int fd, int command, long value)
{
    return syscall3(__NR_fcntl, fd, command, value);
}

static inline long sys_ioctl(int fd, unsigned long request, void *argument)
{
    return syscall3(__NR_ioctl, fd, (long)request, (long)argument);
}

/* File systems and the machine. */
static inline long sys_mount(const char *source, const char *target, const char *type,
                             unsigned long flags, const char *options)
{
    return syscall6(__NR_mount, (long)source, (long)target, (long)type, (long)flags, (long)options,
                    0);
}

static inline long sys_umount2(const char *target, int flags)
{
    return syscall3(__NR_umount2, (long)target, flags, 0);
}

static inline long sys_sync(void)
{
    return syscall3(__NR_sync, 0, 0, 0);
}

static inline long sys_reboot(unsigned magic1, unsigned magic2, unsigned command)
{
    return syscall6(__NR_reboot, magic1, magic2, command, 0, 0, 0);
}

static inline long sys_finit_module(int fd, const char *parameters, int flags)
{
    return syscall3(__NR_finit_module, fd, (long)parameters, flags);
}

static inline long sys_sethostname(const char *name, size_t n)
{
    return syscall3(__NR_sethostname, (long)name, (long)n, 0);
}

static inline long sys_ioperm(unsigned long from, unsigned long n, int on)
{
    return syscall3(__NR_ioperm, (long)from, (long)n, on);
}

static inline long sys_getrandom(void *buf, size_t n, unsigned flags)
{
    return syscall3(__NR_getrandom, (long)buf, (long)n, flags);
}

/* Memory. */
static inline long sys_mlockall(int flags)
{
    return syscall3(__NR_mlockall, flags, 0, 0);
}

static inline long sys_madvise(void *at, size_t n, int advice)
{
    return syscall3(__NR_madvise, (long)at, (long)n, advice);
}

/* Processes. */
#define WNOHANG 1

static inline long sys_getpid(void)
{
    return syscall3(__NR_getpid, 0, 0, 0);
}

static inline long sys_getuid(void)
{
    return syscall3(__NR_getuid, 0, 0, 0);
}

static inline long sys_fork(void)
{
    return syscall3(__NR_fork, 0, 0, 0);
}

static inline long sys_execve(const char *path, const char *const *argv, const char *const *env)
{
    return syscall3(__NR_execve, (long)path, (long)argv, (long)env);
}

static inline _Noreturn void sys_exit(int status)
{
    for (;;)
        syscall3(__NR_exit_group, status, 0, 0);
}

static inline long sys_wait4(int pid, int *status, int options)
{
    return syscall6(__NR_wait4, pid, (long)status, options, 0, 0, 0);
}

static inline long sys_kill(int pid, int signal)
{
    return syscall3(__NR_kill, pid, signal, 0);
}

static inline long sys_setsid(void)
{
    return syscall3(__NR_setsid, 0, 0, 0);
}

static inline long sys_setgroups(size_t n, const unsigned *groups)
{
    return syscall3(__NR_setgroups, (long)n, (long)groups, 0);
}

static inline long sys_setgid(unsigned gid)
{
    return syscall3(__NR_setgid, gid, 0, 0);
}

static inline long sys_setuid(unsigned uid)
{
    return syscall3(__NR_setuid, uid, 0, 0);
}

static inline long sys_prctl(int option, unsigned long value)
{
    return syscall6(__NR_prctl, option, (long)value, 0, 0, 0, 0);
}

/* Signals; a set is one 64-bit word, signal n is bit n - 1. */
static inline long sys_sigprocmask(int how, const uint64_t *set)
{
    return syscall6(__NR_rt_sigprocmask, how, (long)set, 0, sizeof *set, 0, 0);
}

static inline long sys_signalfd(const uint64_t *set, int flags)
{
    return syscall6(__NR_signalfd4, -1, (long)set, sizeof *set, flags, 0, 0);
}

/* Time and events. */
#define CLOCK_REALTIME  0
#define CLOCK_MONOTONIC 1

static inline long sys_clock_gettime(int clock, struct __kernel_timespec *time)
{
    return syscall3(__NR_clock_gettime, clock, (long)time, 0);
}

static inline long sys_nanosleep(const struct __kernel_timespec *time)
{
    return syscall3(__NR_nanosleep, (long)time, 0, 0);
}

/* Sockets. Addresses are struct sockaddr_un, _in of the kernel; the kernel's header of struct
 * sockaddr_vm asks for a C library's. */
#define AF_UNIX       1
#define AF_INET       2
#define AF_VSOCK      40
#define SOL_SOCKET    1
#define SHUT_WR       1
#define MSG_DONTWAIT  0x40
#define MSG_NOSIGNAL  0x4000
#define SOCK_STREAM   1
#define SOCK_DGRAM    2
#define SOCK_NONBLOCK O_NONBLOCK
#define SOCK_CLOEXEC  O_CLOEXEC

struct sockaddr_vm {
    uint16_t svm_family;
    uint16_t svm_reserved;
    uint32_t svm_port;
    uint32_t svm_cid;
    uint8_t svm_zero[4];
};

/* Of SO_LINGER. */
struct linger {
    int l_onoff;
    int l_linger;
};

static inline long sys_socket(int family, int type)
{
    return syscall3(__NR_socket, family, type | SOCK_CLOEXEC, 0);
}

static inline long sys_bind(int fd, const void *address, size_t n)
{
    return syscall3(__NR_bind, fd, (long)address, (long)n);
}

static inline long sys_listen(int fd, int backlog)
{
    return syscall3(__NR_listen, fd, backlog, 0);
}

static inline long sys_connect(int fd, const void *address, size_t n)
{
    return syscall3(__NR_connect, fd, (long)address, (long)n);
}

/* n: in, the room at address; out, what is there. */
static inline long sys_accept4(int fd, void *address, unsigned *n, int flags)
{
    return syscall6(__NR_accept4, fd, (long)address, (long)n, flags | SOCK_CLOEXEC, 0, 0);
}

static inline long sys_getsockname(int fd, void *address, unsigned *n)
{
    return syscall3(__NR_getsockname, fd, (long)address, (long)n);
}

static inline long sys_setsockopt(int fd, int level, int option, const void *value, size_t n)
{
    return syscall6(__NR_setsockopt, fd, level, option, (long)value, (long)n, 0);
}

static inline long sys_getsockopt(int fd, int level, int option, void *value, unsigned *n)
{
    return syscall6(__NR_getsockopt, fd, level, option, (long)value, (long)n, 0);
}

static inline long sys_shutdown(int fd, int how)
{
    return syscall3(__NR_shutdown, fd, how, 0);
}

static inline long sys_recv(int fd, void *buf, size_t n)
{
    return syscall6(__NR_recvfrom, fd, (long)buf, (long)n, MSG_DONTWAIT, 0, 0);
}

static inline long sys_send(int fd, const void *buf, size_t n)
{
    return syscall6(__NR_sendto, fd, (long)buf, (long)n, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

#endif
