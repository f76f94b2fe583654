/* SPDX-License-Identifier: MIT */
/* Commands as the agent sees them: a child, and pipes, or a terminal, to talk to it by. */
#include "platform/command.h"

#include "platform/linux/children.h"
#include "platform/linux/command_child.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/events.h"
#include "platform/linux/life.h"
#include "platform/linux/sys.h"

#include <asm/ioctls.h>
#include <asm/termios.h>
#include <linux/signal.h>

#include <string.h>

#define NONE    (-1)
#define STREAMS 2

/* An output that we read. Told of by edges: while the host takes nothing, we don't read. */
struct stream {
    struct watch watch;
    bool readable; /* since a read found nothing */
    int owed;      /* bytes that were there when the command ended; at most */
};

static struct command {
    struct child child;
    struct stream streams[STREAMS];
    int input;         /* NONE: none; of a terminal it is that of the first stream */
    int kept[STREAMS]; /* files without a name; 0: none yet */
    int group;
    int status;
    bool ended;
    bool is_terminal;
} commands[COMMANDS_MAX];

static struct command *from_child(struct child *c)
{
    return (struct command *)((char *)c - offsetof(struct command, child));
}

static void on_output(struct watch *w, uint32_t events)
{
    (void)events;
    ((struct stream *)((char *)w - offsetof(struct stream, watch)))->readable = true;
}

/* What a terminal still holds can't be asked; it is not more than this. */
#define TERMINAL_MAX 65536

static void on_end(struct child *c, int wait_status)
{
    struct command *command = from_child(c);

    command->ended = true;
    command->status = (wait_status & 0x7f) != 0 ? -1 : wait_status >> 8 & 0xff;
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &command->streams[i];
        s->readable = true;
        if (command->is_terminal)
            s->owed = TERMINAL_MAX;
        else if (sys_ioctl(s->watch.fd, FIONREAD, &s->owed) != 0)
            s->owed = 0;
    }
}

static void stop_listening(struct stream *s)
{
    if (s->watch.fd == NONE)
        return;
    events_remove(&s->watch);
    sys_close(s->watch.fd);
    s->watch.fd = NONE;
    s->readable = false;
}

static long listen(struct stream *s, int fd)
{
    long result = sys_fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);

    s->watch = (struct watch){.fd = fd, .ready = on_output};
    return result != 0 ? result : events_add(&s->watch, EPOLLIN | EPOLLET);
}

/* A pipe; ours is the end that is watched or never waits. */
static long open_pipe(int *ours, int *theirs, bool we_read)
{
    int ends[2];
    long result = sys_pipe2(ends, O_CLOEXEC);

    if (result != 0)
        return result;
    *ours = ends[we_read ? 0 : 1];
    *theirs = ends[we_read ? 1 : 0];
    return 0;
}

static long open_pipes(struct command *c, bool has_input, int theirs[3])
{
    int ours = NONE;
    long result = 0;

    for (int i = 0; i < STREAMS && result == 0; i++) {
        result = open_pipe(&ours, &theirs[1 + i], true);
        if (result == 0)
            result = listen(&c->streams[i], ours);
    }
    if (result == 0 && has_input)
        result = open_pipe(&c->input, &theirs[0], false);
    else if (result == 0)
        result = theirs[0] = (int)sys_open("/dev/null", O_RDONLY, 0);
    if (result >= 0 && has_input)
        result = sys_fcntl(c->input, F_SETFL, O_NONBLOCK);
    return result < 0 ? result : 0;
}

static void set_size(int fd, uint16_t cols, uint16_t rows)
{
    const struct winsize size = {.ws_col = cols, .ws_row = rows};

    sys_ioctl(fd, TIOCSWINSZ, (void *)(uintptr_t)&size);
}

static long open_terminal(struct command *c, const struct command_request *r, int theirs[3])
{
    int unlocked = 0;
    long fd = sys_open("/dev/ptmx", O_RDWR | O_NOCTTY, 0);

    if (fd < 0)
        return fd;
    long result = listen(&c->streams[0], (int)fd);
    c->input = (int)fd;
    if (result == 0)
        result = sys_ioctl((int)fd, TIOCSPTLCK, &unlocked);
    if (result != 0)
        return result;
    set_size((int)fd, r->cols, r->rows);
    long peer = syscall3(__NR_ioctl, fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    theirs[0] = theirs[1] = theirs[2] = (int)peer;
    return peer < 0 ? peer : 0;
}

static void close_theirs(const int theirs[3])
{
    sys_close(theirs[0]);
    if (theirs[1] != theirs[0])
        sys_close(theirs[1]);
    if (theirs[2] != theirs[0])
        sys_close(theirs[2]);
}

static long start(struct command *c, const struct command_request *r)
{
    int theirs[3] = {NONE, NONE, NONE};
    struct statx found;
    const char *shell = command_child_shell(r);
    long result = sys_statx(AT_FDCWD, shell, 0, &found);

    if (result == 0 && strlen(r->text) > COMMAND_TEXT_MAX)
        result = -E2BIG;
    if (result == 0)
        result = r->is_terminal ? open_terminal(c, r, theirs) : open_pipes(c, r->has_input, theirs);
    c->child.ended = on_end;
    if (result == 0 && (result = children_fork(&c->child)) == 0)
        command_child(r, theirs);
    close_theirs(theirs);
    return result;
}

int command_start(unsigned n, const struct command_request *request, const char **fault)
{
    struct command *c = &commands[n];

    *c = (struct command){.input = NONE,
                          .is_terminal = request->is_terminal,
                          .streams = {{.watch = {.fd = NONE}}, {.watch = {.fd = NONE}}}};
    long pid = start(c, request);
    if (pid > 0) {
        c->group = (int)pid;
        return MOTE_OK;
    }
    *fault = errno_text(pid);
    command_free(n);
    return MOTE_ERR_IO;
}

int command_pid(unsigned n)
{
    return commands[n].group;
}

long command_read(unsigned n, enum command_stream stream, void *buf, size_t cap)
{
    struct command *c = &commands[n];
    struct stream *s = &c->streams[stream];

    if (s->watch.fd == NONE)
        return MOTE_ERR_NOT_FOUND;
    if (!s->readable)
        return 0;
    long got = sys_read(s->watch.fd, buf, cap);
    if (got > 0) {
        s->owed -= c->ended ? (int)got : 0;
        return got;
    }
    s->readable = false;
    s->owed = 0;
    if (got == -EAGAIN)
        return 0;
    if (c->is_terminal)
        c->input = NONE;
    stop_listening(s);
    return MOTE_ERR_NOT_FOUND;
}

bool command_ended(unsigned n, int *status)
{
    *status = commands[n].status;
    return commands[n].ended;
}

bool command_is_read(unsigned n)
{
    const struct command *c = &commands[n];

    return (c->streams[0].watch.fd == NONE || c->streams[0].owed <= 0) &&
           (c->streams[1].watch.fd == NONE || c->streams[1].owed <= 0);
}

long command_write(unsigned n, const void *buf, size_t size, const char **fault)
{
    long put = sys_write(commands[n].input, buf, size);

    if (put >= 0 || put == -EAGAIN)
        return put > 0 ? put : 0;
    *fault = errno_text(put);
    return MOTE_ERR_IO;
}

void command_resize(unsigned n, uint16_t cols, uint16_t rows)
{
    if (commands[n].is_terminal)
        set_size(commands[n].streams[0].watch.fd, cols, rows);
}

void command_signal(unsigned n, bool kill)
{
    if (commands[n].child.pid != 0)
        sys_kill(commands[n].child.pid, kill ? SIGKILL : SIGTERM);
}

/* The number of a group is not given anew while one is in it. */
void command_end(unsigned n)
{
    const struct command *c = &commands[n];

    if (c->group != 0 && sys_kill(-c->group, SIGKILL) != 0)
        command_signal(n, true);
}

int command_keep(unsigned n, enum command_stream stream, const void *buf, size_t size)
{
    int *fd = &commands[n].kept[stream];

    if (*fd == 0)
        *fd = (int)syscall3(__NR_memfd_create, (long)"output", 1 /* MFD_CLOEXEC */, 0);
    return sys_write(*fd, buf, size) == (long)size ? MOTE_OK : MOTE_ERR_IO;
}

long command_kept(unsigned n, enum command_stream stream, uint64_t offset, void *buf, size_t size)
{
    int fd = commands[n].kept[stream];
    long got = fd == 0 ? 0 : syscall6(__NR_pread64, fd, (long)buf, (long)size, (long)offset, 0, 0);

    return got < 0 ? MOTE_ERR_IO : got;
}

void command_free(unsigned n)
{
    struct command *c = &commands[n];

    if (!c->is_terminal)
        sys_close(c->input);
    c->input = NONE;
    for (int i = 0; i < STREAMS; i++) {
        stop_listening(&c->streams[i]);
        if (c->kept[i] > 0)
            sys_close(c->kept[i]);
        c->kept[i] = 0;
    }
}
