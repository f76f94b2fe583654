/* SPDX-License-Identifier: MIT */
/* Processes as the agent sees them: a child, its group, and the pipe that it writes to. */
#include "platform/process.h"

#include "platform/linux/children.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/events.h"
#include "platform/linux/process_child.h"
#include "platform/linux/sys.h"

#include <asm/ioctls.h>
#include <linux/signal.h>

static struct process {
    struct child child;
    struct watch output;
    bool listening; /* output is open */
    bool readable;  /* since the last read */
    bool ended;     /* and not started since */
    int status;
    int owed;  /* bytes that were in the pipe when it ended */
    int group; /* 0: nothing is left of it */
} processes[PROCESSES_MAX];

static struct process *from_child(struct child *c)
{
    return (struct process *)((char *)c - offsetof(struct process, child));
}

static struct process *from_watch(struct watch *w)
{
    return (struct process *)((char *)w - offsetof(struct process, output));
}

static void on_output(struct watch *w, uint32_t events)
{
    (void)events;
    from_watch(w)->readable = true;
}

/* The number of a group is not given anew as long as one is in it. */
static void look_for_group(struct process *p)
{
    if (p->group != 0 && p->child.pid == 0 && sys_kill(-p->group, 0) == -ESRCH)
        p->group = 0;
}

/* What it left behind may write for ever; only what is in the pipe now can be its own. */
static void on_end(struct child *c, int wait_status)
{
    struct process *p = from_child(c);

    p->ended = true;
    p->status = children_exit_code(wait_status);
    p->readable = p->listening;
    if (!p->listening || sys_ioctl(p->output.fd, FIONREAD, &p->owed) != 0)
        p->owed = 0;
    look_for_group(p);
}

static void stop_listening(struct process *p)
{
    if (!p->listening)
        return;
    events_remove(&p->output);
    sys_close(p->output.fd);
    p->listening = p->readable = false;
    p->owed = 0;
}

/* Only the end that we read must not wait: programs do not expect that of theirs. */
static long listen(struct process *p, int fd)
{
    long result = sys_fcntl(fd, F_SETFL, O_NONBLOCK);

    p->output = (struct watch){.fd = fd, .ready = on_output};
    if (result == 0)
        result = events_add(&p->output, EPOLLIN);
    p->listening = result == 0;
    return result;
}

static long start(struct process *p, const struct process_request *request)
{
    int ends[2];
    long result = sys_pipe2(ends, O_CLOEXEC);

    if (result != 0)
        return result;
    result = listen(p, ends[0]);
    if (result != 0)
        sys_close(ends[0]);
    p->child.ended = on_end;
    if (result == 0 && (result = children_fork(&p->child)) == 0)
        process_child(request, ends[1]);
    sys_close(ends[1]);
    if (result < 0)
        stop_listening(p);
    return result;
}

int process_start(unsigned n, const struct process_request *request, const char **fault)
{
    struct process *p = &processes[n];

    stop_listening(p);
    p->ended = false;
    long pid = start(p, request);
    if (pid < 0) {
        *fault = errno_text(pid);
        return MOTE_ERR_IO;
    }
    p->group = (int)pid;
    return MOTE_OK;
}

int process_pid(unsigned n)
{
    return processes[n].child.pid;
}

int process_read(unsigned n, char *dst, size_t cap)
{
    struct process *p = &processes[n];

    if (!p->readable)
        return p->listening ? 0 : MOTE_ERR_NOT_FOUND;
    p->readable = false;
    long got = sys_read(p->output.fd, dst, cap);
    if (got == -EAGAIN) {
        p->owed = 0;
        return 0;
    }
    if (got <= 0) {
        stop_listening(p);
        return MOTE_ERR_NOT_FOUND;
    }
    p->owed -= p->ended ? (int)got : 0;
    return (int)got;
}

bool process_ended(unsigned n, int *status)
{
    const struct process *p = &processes[n];

    *status = p->status;
    return p->ended && p->owed <= 0;
}

/* Between fork and setsid a child is in our group still, and to be found alone. */
static void send(const struct process *p, int signal)
{
    if (sys_kill(-p->group, signal) == -ESRCH && p->child.pid != 0)
        sys_kill(p->child.pid, signal);
}

void process_signal(unsigned n, bool kill)
{
    struct process *p = &processes[n];

    if (!process_left(n))
        return;
    send(p, kill ? SIGKILL : SIGTERM);
    if (!kill)
        send(p, SIGCONT); /* one that is stopped could not obey */
}

bool process_left(unsigned n)
{
    look_for_group(&processes[n]);
    return processes[n].group != 0;
}
