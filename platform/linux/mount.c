/* SPDX-License-Identifier: MIT */
/*
 * Mounts take as long as the host does, so each is tried in a process of its own. One that does
 * not end in time is killed; should even that not end it, it is left behind and its row with it.
 */
#include "platform/mount.h"

#include "platform/linux/children.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/mount_child.h"
#include "platform/linux/mounts.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/signal.h>

#include <stdio.h>

#define NS_PER_S UINT64_C(1000000000)
#define MOUNT_S  8 /* a host waits for ten seconds */

/* Each may become a mount; those that hang and have no owner any more count, too. */
#define ATTEMPTS MOUNTS_MAX
#define NOBODY   (-1)

static struct attempt {
    struct child child; /* the first member: on_end() is given it */
    bool used;
    int owner;
    int pipe; /* where the answer comes from */
    int status;
    uint64_t deadline;
} attempts[ATTEMPTS];

static struct mount_answer answer;

static struct attempt *find(int owner)
{
    for (size_t i = 0; i < ATTEMPTS; i++)
        if (attempts[i].used && attempts[i].owner == owner)
            return &attempts[i];
    return NULL;
}

static size_t count_used(void)
{
    size_t n = 0;

    for (size_t i = 0; i < ATTEMPTS; i++)
        n += attempts[i].used;
    return n;
}

/* What was mounted is remembered even if nobody asks any more. */
static bool take_answer(const struct attempt *a)
{
    if (sys_read(a->pipe, &answer, sizeof answer) != sizeof answer)
        return false;
    if (answer.result == MOTE_OK)
        mounts_add(answer.text);
    return true;
}

static void end(struct attempt *a)
{
    sys_close(a->pipe);
    a->used = false;
}

static void on_end(struct child *child, int wait_status)
{
    struct attempt *a = (struct attempt *)child;

    a->status = wait_status;
    if (a->owner != NOBODY)
        return;
    take_answer(a);
    end(a);
}

static void leave(struct attempt *a)
{
    a->owner = NOBODY;
    if (a->child.pid != 0)
        sys_kill(a->child.pid, SIGKILL);
    else
        end(a);
}

static void say(int result, const char *format, long value)
{
    answer.result = result;
    snprintf(answer.text, sizeof answer.text, format, value);
}

/* In the new process this does not return. 0 or -errno. */
static long begin(struct attempt *a, const struct mount_request *r)
{
    int ends[2];
    long result = sys_pipe2(ends, O_CLOEXEC | O_NONBLOCK);

    if (result != 0)
        return result;
    a->child.ended = on_end;
    result = children_fork(&a->child);
    if (result == 0)
        mount_child(r, ends[1]);
    sys_close(ends[1]);
    a->pipe = ends[0];
    a->used = result > 0;
    if (!a->used)
        sys_close(a->pipe);
    return result < 0 ? result : 0;
}

static int start(int owner, const struct mount_request *r)
{
    if (mounts_count() + count_used() >= MOUNTS_MAX) {
        say(MOTE_ERR_IO, "limit is %ld mounts, those that hang included", MOUNTS_MAX);
        return answer.result;
    }
    struct attempt *a = attempts;
    while (a->used)
        a++;
    a->owner = owner;
    a->deadline = platform_now_ns() + MOUNT_S * NS_PER_S;
    long result = begin(a, r);
    if (result == 0)
        return MOTE_ERR_AGAIN;
    answer.result = MOTE_ERR_IO;
    snprintf(answer.text, sizeof answer.text, "fork: %s", errno_text(result));
    return answer.result;
}

static int look(struct attempt *a)
{
    bool runs = a->child.pid != 0;

    if (runs && platform_now_ns() < a->deadline)
        return MOTE_ERR_AGAIN;
    if (!take_answer(a)) {
        if (runs)
            say(MOTE_ERR_TIMEOUT, "no answer within %ld s", MOUNT_S);
        else
            say(MOTE_ERR_IO, "its process ended with status %ld", children_exit_code(a->status));
    }
    leave(a);
    return answer.result;
}

int mount_attempt(int owner, const struct mount_request *request, const char **fault)
{
    struct attempt *a = find(owner);

    *fault = answer.text;
    return a != NULL ? look(a) : start(owner, request);
}

void mount_abandon(int owner)
{
    struct attempt *a = find(owner);

    if (a == NULL)
        return;
    if (a->child.pid == 0)
        take_answer(a);
    leave(a);
}
