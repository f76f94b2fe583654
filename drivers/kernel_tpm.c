/* SPDX-License-Identifier: MIT */
/*
 * A TPM by the kernel's device, /dev/tpmrm0 unless mote.tpm=PATH names another; or, for an agent
 * that is an ordinary process, by the unix socket of a TPM simulator, which speaks plain commands.
 *
 * The device has one lock for reading, writing and asking whether it is ready, and holds it while
 * the TPM works. So it is watched anew for each command, before that is written, and read only when
 * it says that there is something: all else could stop the loop for as long as the TPM takes.
 */
#include "platform/linux/sys.h" /* first: the kernel's S_IFMT, not a C library's */

#include "drivers/tpm.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/events.h"
#include "platform/platform.h"

#include <linux/un.h>
#include <stdio.h>
#include <string.h>

#define DEVICE "/dev/tpmrm0"

#define HEADER_SIZE 10 /* tag, size, code: big-endian (TPM 2.0 Library, part 1, 18) */

static struct sockaddr_un where; /* its path, as the address of a socket */
static bool is_socket;
static bool is_owed; /* the device still works on a command that was given up */

static struct {
    struct watch watch;
    uint8_t *buffer;
    size_t got;
    uint64_t deadline;
    bool is_ready; /* there is something to read */
} now = {.watch.fd = -1};

static struct {
    char text[sizeof where.sun_path + 64]; /* a path, and an error in words */
} fault;

bool tpm_is_ours(void)
{
    return false;
}

const char *tpm_fault(void)
{
    return fault.text;
}

static int fail(int error, const char *text)
{
    snprintf(fault.text, sizeof fault.text, "%s", text);
    return error;
}

static int fail_by(const char *step, long error)
{
    snprintf(fault.text, sizeof fault.text, "%s %s: %s", step, where.sun_path, errno_text(error));
    return error == -ENOENT || error == -ENODEV || error == -ENXIO ? MOTE_ERR_NOT_FOUND
                                                                   : MOTE_ERR_IO;
}

/* Drops the answer to a command that was given up. */
static void drop_answer(void)
{
    uint8_t rest[64];

    while (sys_read(now.watch.fd, rest, sizeof rest) > 0)
        explicit_bzero(rest, sizeof rest);
    events_remove(&now.watch);
    is_owed = false;
}

static void on_event(struct watch *w, uint32_t events)
{
    (void)w;
    (void)events;
    now.is_ready = true;
    if (is_owed)
        drop_answer();
}

static bool read_option(void)
{
    size_t len;
    const char *path = platform_last_option("mote.tpm", &len);

    where.sun_family = AF_UNIX;
    if (path == NULL) {
        path = DEVICE;
        len = strlen(DEVICE);
    }
    if (len == 0 || len >= sizeof where.sun_path)
        return false;
    memcpy(where.sun_path, path, len);
    where.sun_path[len] = '\0';
    return true;
}

static long open_device(void)
{
    long fd = sys_open(where.sun_path, O_RDWR | O_NONBLOCK, 0);

    now.watch = (struct watch){.fd = fd < 0 ? -1 : (int)fd, .ready = on_event};
    return fd;
}

const char *tpm_open(void)
{
    struct statx found;

    if (!read_option()) {
        fail(MOTE_ERR_INVALID, "mote.tpm: no path, or too long a one");
        return NULL;
    }
    long result = sys_statx(AT_FDCWD, where.sun_path, 0, &found);
    is_socket = result == 0 && (found.stx_mode & S_IFMT) == S_IFSOCK;
    if (result == 0 && !is_socket)
        result = open_device();
    if (result >= 0)
        return where.sun_path;
    fail_by("open", result);
    return NULL;
}

/* A simulator serves one connection at a time: each command has its own, so that others get theirs.
 */
static long connect_socket(void)
{
    long fd = sys_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);

    if (fd < 0)
        return fd;
    now.watch = (struct watch){.fd = (int)fd, .ready = on_event};
    return sys_connect((int)fd, &where, sizeof where);
}

static void close_socket(void)
{
    sys_close(now.watch.fd);
    now.watch.fd = -1;
}

/* Watched before it is written to: see above. */
static int send_command(const void *command, size_t n)
{
    long result = events_add(&now.watch, EPOLLIN);

    if (result == 0)
        result = sys_write(now.watch.fd, command, n);
    if (result == (long)n)
        return MOTE_OK;
    tpm_finish();
    return result < 0 ? fail_by("write to", result) : fail(MOTE_ERR_IO, "a command was cut");
}

int tpm_start(void *buffer, size_t n, uint64_t deadline)
{
    if (is_owed)
        return fail(MOTE_ERR_TIMEOUT, "the TPM still works on a command that was given up");
    long result = is_socket ? connect_socket() : now.watch.fd >= 0 ? 0 : -ENODEV;
    if (result < 0) {
        tpm_finish();
        return fail_by("connect to", result);
    }
    now.buffer = buffer;
    now.got = 0;
    now.deadline = deadline;
    now.is_ready = false;
    return send_command(buffer, n);
}

/* As its header says; 0: that is not there yet. */
static uint32_t size_of_answer(void)
{
    const uint8_t *at = now.buffer + 2;

    if (now.got < HEADER_SIZE)
        return 0;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The size of the answer; MOTE_ERR_AGAIN as long as it is not whole. */
static int take(size_t n)
{
    now.got += n;
    uint32_t size = size_of_answer();

    if (size > TPM_BUFFER_SIZE)
        return fail(MOTE_ERR_TOO_LARGE, "its answer is too long: limit is 2048 bytes");
    if (now.got >= HEADER_SIZE && (size < HEADER_SIZE || size < now.got))
        return fail(MOTE_ERR_BROKEN, "the size in its answer is wrong");
    return now.got >= HEADER_SIZE && now.got == size ? (int)size : MOTE_ERR_AGAIN;
}

static int give_up(void)
{
    is_owed = !is_socket;
    return fail(MOTE_ERR_TIMEOUT, "no answer in time");
}

int tpm_poll(void)
{
    int result = MOTE_ERR_AGAIN;

    if (!now.is_ready)
        return platform_now_ns() < now.deadline ? MOTE_ERR_AGAIN : give_up();
    while (result == MOTE_ERR_AGAIN) {
        long n = sys_read(now.watch.fd, now.buffer + now.got, TPM_BUFFER_SIZE - now.got);
        if (n == -EAGAIN || n == -EINTR)
            break;
        if (n <= 0)
            return n < 0 ? fail_by("read from", n) : fail(MOTE_ERR_BROKEN, "its answer is cut");
        result = take((size_t)n);
    }
    now.is_ready = false;
    return result;
}

uint64_t tpm_poll_again(void)
{
    return now.deadline;
}

void tpm_finish(void)
{
    now.buffer = NULL;
    if (now.watch.fd < 0 || is_owed)
        return;
    events_remove(&now.watch);
    if (is_socket)
        close_socket();
}
