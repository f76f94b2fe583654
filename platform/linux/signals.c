/* SPDX-License-Identifier: MIT */
#include "platform/linux/signals.h"

#include "platform/linux/children.h"
#include "platform/linux/events.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/signal.h>
#include <linux/signalfd.h>

#include <stdio.h>

#define BIT(signal) (UINT64_C(1) << ((signal)-1))

/* What the processor raises can't wait: blocked, it would kill without a word. */
#define FAULTS                                                                                     \
    (BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGABRT) | BIT(SIGTRAP) |        \
     BIT(SIGSYS))

/* The answers of the loop come between so many orphans: a fork storm can't hold them up. */
#define REAPED_AT_ONCE 256

#define SIGNAL_LAST 64

#define FAULT_STACK_SIZE 4096

static const char *end_request;
static char fault_stack[FAULT_STACK_SIZE] __attribute__((aligned(16)));

/* What asks us to end, and how that is told. PID 1 gets SIGINT for ctrl-alt-del. Of all others,
 * SIGHUP among them, nothing follows: there is nothing to read again. */
static const struct {
    uint32_t signal;
    const char *reason;
} ends[] = {
    {SIGTERM, "SIGTERM"},
    {SIGINT, "SIGINT (ctrl-alt-del)"},
    {SIGPWR, "SIGPWR (power fails)"},
};

const char *platform_end_request(void)
{
    return end_request;
}

static void take(const struct signalfd_siginfo *info)
{
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends[i].signal == info->ssi_signo)
            end_request = ends[i].reason;
}

static void on_signal(struct watch *w, uint32_t events)
{
    struct signalfd_siginfo info[4];
    long n = sys_read(w->fd, info, sizeof info);

    (void)events;
    for (long i = 0; i < n / (long)sizeof info[0]; i++)
        take(&info[i]);
    /* One SIGCHLD may stand for many. What is left is made to come again. */
    if (children_reap(REAPED_AT_ONCE))
        sys_kill((int)sys_getpid(), SIGCHLD);
}

/* A bug of ours, as on bare metal: a line that tells where, and the status for it. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    const struct ucontext_regs {
        uint64_t before[5 + 16]; /* uc_flags, uc_link, uc_stack; r8..r15, rdi..rsp */
        uint64_t rip;
    } *regs = context;

    (void)info;
    printf("\nmote: signal %d at rip 0x%llx\n", signal, (unsigned long long)regs->rip);
    platform_exit(EXIT_EXCEPTION);
}

struct kernel_sigaction {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static void never_returns(void)
{
}

static void catch_faults(void)
{
    const stack_t stack = {.ss_sp = fault_stack, .ss_size = sizeof fault_stack};
    const struct kernel_sigaction action = {
        .handler = on_fault,
        .flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_RESTORER,
        .restorer = never_returns,
        .mask = ~UINT64_C(0),
    };

    syscall3(__NR_sigaltstack, (long)&stack, 0, 0);
    for (int signal = 1; signal < 32; signal++)
        if (FAULTS >> (signal - 1) & 1)
            syscall6(__NR_rt_sigaction, signal, (long)&action, 0, sizeof action.mask, 0, 0);
}

long signals_start(void)
{
    static struct watch watch = {.ready = on_signal};
    const uint64_t all = ~FAULTS;

    catch_faults();
    sys_sigprocmask(SIG_BLOCK, &all);
    long fd = sys_signalfd(&all, O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fd;
    watch.fd = (int)fd;
    return events_add(&watch, EPOLLIN);
}

/* What we were started with ignored would stay so in a program. */
void signals_reset(void)
{
    const struct kernel_sigaction normal = {.handler = NULL};
    const uint64_t none = 0;

    for (int signal = 1; signal <= SIGNAL_LAST; signal++)
        syscall6(__NR_rt_sigaction, signal, (long)&normal, 0, sizeof normal.mask, 0, 0);
    sys_sigprocmask(SIG_SETMASK, &none);
}
