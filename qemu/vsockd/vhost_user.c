/* SPDX-License-Identifier: MIT */
/*
 * vhost-user messages: receiving them whole, and answering. See vhost_user.h; what
 * each does is in vhost_requests.c. A message of a wrong size or with wrong
 * descriptors ends the connection; one that fails is answered so where the front
 * end wants an answer.
 */
#include "qemu/vsockd/vhost_user.h"

#include "platform/error.h"
#include "qemu/vsockd/vhost_requests.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_SIZE VHOST_USER_HEADER_SIZE
/* Messages in a row: a whole set-up of the device has about 30. */
#define BATCH 64

void vhost_user_init(struct vhost_user *backend, struct device *device, uint64_t guest_cid)
{
    memset(backend, 0, sizeof *backend);
    backend->device = device;
    backend->guest_cid = guest_cid;
    backend->fd = -1;
    backend->back_fd = -1;
}

static enum vhost_user_result fail(const struct vhost_user *b, const char *why)
{
    warnx("vhost-user: message %u with %u bytes and %d descriptors: %s",
          (unsigned)b->message.request, (unsigned)b->message.size, b->fd_count, why);
    return VHOST_USER_FAILED;
}

static enum vhost_user_result reply(struct vhost_user *b)
{
    struct vhost_user_message *m = &b->message;
    size_t len = HEADER_SIZE + m->size;

    m->flags = VHOST_USER_FLAG_VERSION | VHOST_USER_FLAG_REPLY;
    /* Replies are small and QEMU waits for each: the socket's buffer always has room. */
    if (send(b->fd, m, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
        return VHOST_USER_GOES_ON;
    return errno == EPIPE ? VHOST_USER_ENDED : fail(b, "the reply could not be sent");
}

static enum vhost_user_result dispatch(struct vhost_user *b)
{
    struct vhost_user_message *m = &b->message;
    const struct vhost_request *row = vhost_request_find(m->request);
    bool wants_ack = (m->flags & VHOST_USER_FLAG_NEED_REPLY) != 0;
    int rc = MOTE_ERR_UNSUPPORTED;

    if ((m->flags & VHOST_USER_FLAG_VERSION_MASK) != VHOST_USER_FLAG_VERSION)
        return fail(b, "not version 1 of the protocol");
    if (row != NULL) {
        if (m->size < row->size_min || m->size > row->size_max || b->fd_count > row->fds_max)
            return fail(b, "its size or its descriptors are wrong");
        rc = row->handle(b, m);
    }
    if (rc != MOTE_OK)
        fail(b, row != NULL ? "it can't be done" : "it is not known");
    device_update(b->device);
    if (row != NULL && row->replies)
        return reply(b);
    if (wants_ack) {
        m->payload.u64 = rc != MOTE_OK;
        m->size = sizeof m->payload.u64;
        return reply(b);
    }
    return VHOST_USER_GOES_ON;
}

/* Keeps the descriptors that came with a piece of a message; false when there are too many. */
static bool keep_fds(struct vhost_user *b, struct msghdr *msg)
{
    bool all = (msg->msg_flags & MSG_CTRUNC) == 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (b->fd_count < GUEST_REGIONS_MAX) {
                b->fds[b->fd_count++] = fd;
            } else {
                close(fd);
                all = false;
            }
        }
    }
    return all;
}

static void drop_message(struct vhost_user *b)
{
    while (b->fd_count > 0)
        close(b->fds[--b->fd_count]);
    b->have = 0;
}

/* How many bytes the message has, as far as one can tell from what arrived. */
static size_t message_size(const struct vhost_user *b)
{
    return b->have < HEADER_SIZE ? HEADER_SIZE : HEADER_SIZE + b->message.size;
}

/* Reads one piece, never past the message: 1 for some bytes, 0 for the end, or -1. */
static ssize_t read_piece(struct vhost_user *b)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * GUEST_REGIONS_MAX)];
    } control;
    struct iovec iov = {(uint8_t *)&b->message + b->have, message_size(b) - b->have};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof control.space,
    };
    ssize_t n = recvmsg(b->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n > 0) {
        b->have += (size_t)n;
        if (!keep_fds(b, &msg)) {
            errno = EMSGSIZE;
            return -1;
        }
    }
    return n;
}

/* Reads the rest of a message; backend->have tells how far it came. */
static enum vhost_user_result read_message(struct vhost_user *b)
{
    while (b->have < message_size(b)) {
        ssize_t n = read_piece(b);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return VHOST_USER_GOES_ON;
        if (n < 0 && errno != ECONNRESET) {
            warn("vhost-user: the connection with QEMU");
            return VHOST_USER_FAILED;
        }
        if (n <= 0)
            return VHOST_USER_ENDED;
        if (b->have == HEADER_SIZE && b->message.size > sizeof b->message.payload)
            return fail(b, "no message is so long");
    }
    return VHOST_USER_GOES_ON;
}

enum vhost_user_result vhost_user_receive(struct vhost_user *backend)
{
    for (int i = 0; i < BATCH; i++) {
        enum vhost_user_result result = read_message(backend);

        if (result != VHOST_USER_GOES_ON || backend->have < message_size(backend))
            return result;
        backend->heard++;
        result = dispatch(backend);
        drop_message(backend);
        if (result != VHOST_USER_GOES_ON)
            return result;
    }
    return VHOST_USER_GOES_ON;
}
