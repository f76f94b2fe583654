/* SPDX-License-Identifier: MIT */
#include "drivers/socket_stream.h"

#include "drivers/endpoint.h"
#include "drivers/socket_endpoint.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/mman.h>

#define PAGE 4096u

/* A read of less is not worth its system call while unread bytes can be moved. */
#define READ_LEAST 4096u

/* Memory of an open connection is kept for so long behind its last use. */
#define KEEP_NS UINT64_C(100000000)

/* --- memory --- */

/* Pages locked on fault (a service that may; PID 1) go back only when named so, since Linux
 * 5.18; before, they stay. */
static void give_back(uint8_t *from, uint32_t n)
{
    if (sys_madvise(from, n, MADV_DONTNEED_LOCKED) != 0)
        sys_madvise(from, n, MADV_DONTNEED);
}

static void give_tail_back(struct buffer *b, uint32_t *touched)
{
    if (*touched <= PAGE || buffer_used(b) != 0)
        return;
    give_back(b->base + PAGE, (*touched - 1) / PAGE * PAGE);
    *touched = PAGE;
}

/* A long line leaves as little memory behind as a short one, but not at once: one that follows
 * would have to touch every page anew. */
static void give_tail_back_soon(struct socket_conn *c, const struct buffer *b, uint32_t touched)
{
    if (touched > PAGE && buffer_used(b) == 0 && c->state == SOCKET_OPEN)
        c->deadline = platform_now_ns() + KEEP_NS;
}

static void note_touched(const struct buffer *b, uint32_t *touched)
{
    if (b->tail > *touched)
        *touched = b->tail;
}

static void give_all_back(struct buffer *b, uint32_t *touched)
{
    note_touched(b, touched);
    buffer_clear(b);
    if (*touched != 0)
        give_back(b->base, b->size);
    *touched = 0;
}

/* --- the slot --- */

static void on_ready(struct watch *w, uint32_t events);

void socket_slot_init(struct socket_conn *c, uint8_t *window, uint8_t *send_buffer)
{
    *c = (struct socket_conn){
        .watch = {.fd = -1, .ready = on_ready},
        .rx = {.base = window, .size = ENDPOINT_WINDOW},
        .tx = {.base = send_buffer, .size = ENDPOINT_SEND_BUFFER},
        .deadline = SOCKET_NEVER,
    };
}

static void free_slot(struct socket_conn *c)
{
    give_all_back(&c->rx, &c->rx_touched);
    give_all_back(&c->tx, &c->tx_touched);
    socket_slot_init(c, c->rx.base, c->tx.base);
}

/* What the connection needs to be woken for. */
static uint32_t interest_of(const struct socket_conn *c)
{
    if (c->state == SOCKET_CONNECTING)
        return EPOLLOUT;
    return (!c->read_end && buffer_free(&c->rx) != 0 ? EPOLLIN : 0) | (c->blocked ? EPOLLOUT : 0);
}

static void unwatch(struct socket_conn *c)
{
    if (c->watched)
        events_remove(&c->watch);
    c->watched = false;
    c->interest = 0;
}

static bool update_interest(struct socket_conn *c)
{
    uint32_t interest = interest_of(c);

    if (interest == c->interest)
        return true;
    long result = c->watched ? events_change(&c->watch, interest) : events_add(&c->watch, interest);
    if (result != 0)
        return false;
    c->watched = true;
    c->interest = interest;
    return true;
}

bool socket_begin(struct socket_conn *c, int fd, enum socket_state state)
{
    c->watch.fd = fd;
    c->state = state;
    c->sends_left = SOCKET_SENDS_A_TURN;
    if (update_interest(c))
        return true;
    free_slot(c); /* fd stays the caller's */
    return false;
}

void socket_refuse(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    sys_setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    sys_close(fd);
}

/* A child that was just forked may still hold the file: only removed is it watched no more. */
static void close_socket(struct socket_conn *c, bool reset)
{
    if (c->watch.fd < 0)
        return;
    unwatch(c);
    if (reset)
        socket_refuse(c->watch.fd);
    else
        sys_close(c->watch.fd);
    c->watch.fd = -1;
}

void socket_release(struct socket_conn *c, bool reset)
{
    close_socket(c, reset);
    free_slot(c);
}

void socket_kill(struct socket_conn *c, int error)
{
    if (error == MOTE_ERR_RESET)
        socket_check_cid();
    if (c->state == SOCKET_CLOSING) {
        socket_release(c, true);
        return;
    }
    close_socket(c, true);
    buffer_clear(&c->tx);
    c->state = SOCKET_DEAD;
    c->deadline = SOCKET_NEVER;
    c->error = (int8_t)error;
    socket_tell(c, ENDPOINT_RESET);
}

/* --- what leaves --- */

/* The owner of what was refused learns that there will be no room. */
static void deafen(struct socket_conn *c)
{
    c->deaf = true;
    c->blocked = false;
    buffer_clear(&c->tx);
    if (c->wanted != 0)
        socket_tell(c, ENDPOINT_ROOM);
    c->wanted = 0;
}

/* What the peer sent before it went is still read; then comes the end. */
static void on_send_error(struct socket_conn *c, long error)
{
    if (error == -EINTR)
        return;
    c->blocked = error == -EAGAIN;
    if (c->blocked)
        return;
    c->lost = error != -EPIPE;
    deafen(c);
    if (c->lost && c->read_end)
        socket_kill(c, error == -ETIMEDOUT ? MOTE_ERR_TIMEOUT : MOTE_ERR_RESET);
}

static void send_some(struct socket_conn *c)
{
    uint32_t unsent = buffer_used(&c->tx);

    if (c->sends_left == 0) { /* it comes with the others again */
        c->blocked = true;
        return;
    }
    c->sends_left--;
    long n = sys_send(c->watch.fd, buffer_data(&c->tx), unsent);
    if (n < 0) {
        on_send_error(c, n);
        return;
    }
    buffer_consume(&c->tx, (uint32_t)n);
    give_tail_back_soon(c, &c->tx, c->tx_touched);
    c->blocked = n < unsent;
    if (c->wanted != 0 && buffer_free(&c->tx) >= c->wanted) {
        c->wanted = 0;
        socket_tell(c, ENDPOINT_ROOM);
    }
}

/* Everything is sent, and there will be no more. */
static void end_sending(struct socket_conn *c)
{
    if (c->state == SOCKET_CLOSING && (c->read_end || c->deaf)) {
        socket_release(c, false);
        return;
    }
    if (!c->shut_told)
        sys_shutdown(c->watch.fd, SHUT_WR);
    c->shut_told = true;
}

void socket_flush(struct socket_conn *c)
{
    note_touched(&c->tx, &c->tx_touched);
    if (buffer_used(&c->tx) != 0 && !c->blocked)
        send_some(c);
    if (c->shut && buffer_used(&c->tx) == 0 &&
        (c->state == SOCKET_OPEN || c->state == SOCKET_CLOSING))
        end_sending(c);
    if (c->watch.fd >= 0 && !update_interest(c))
        socket_kill(c, MOTE_ERR_RESET);
}

/* --- what arrives --- */

static void end_reading(struct socket_conn *c)
{
    c->read_end = true;
    if (c->lost)
        socket_kill(c, MOTE_ERR_RESET);
    else if (c->state != SOCKET_CLOSING)
        socket_tell(c, ENDPOINT_CLOSED);
}

static void take_bytes(struct socket_conn *c, uint32_t n)
{
    buffer_commit(&c->rx, n);
    note_touched(&c->rx, &c->rx_touched);
    if (c->state == SOCKET_CLOSING) /* nobody wants them any more */
        socket_consume(c, n);
    else
        socket_tell(c, ENDPOINT_DATA);
}

/* Reads once: if there is more, the next wait is short. */
static void receive(struct socket_conn *c)
{
    uint32_t room = buffer_free(&c->rx);
    uint8_t *space = buffer_reserve(&c->rx, room < READ_LEAST ? room : READ_LEAST, &room);
    long n = sys_recv(c->watch.fd, space, room);

    if (n > 0) {
        take_bytes(c, (uint32_t)n);
    } else if (n == 0) {
        end_reading(c);
    } else if (n != -EAGAIN && n != -EINTR) {
        socket_kill(c, n == -ETIMEDOUT ? MOTE_ERR_TIMEOUT : MOTE_ERR_RESET);
    }
}

/* Nothing can be sent any more, and reading has ended or has to wait. Errors can't be masked:
 * the socket is left alone until there is something to be woken for. */
static void on_hangup(struct socket_conn *c, bool error)
{
    deafen(c);
    if (c->read_end && error)
        socket_kill(c, MOTE_ERR_RESET);
    else
        unwatch(c);
}

static void end_connect(struct socket_conn *c)
{
    int error = 0;
    unsigned n = sizeof error;

    sys_getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n);
    c->deadline = SOCKET_NEVER;
    if (error != 0) {
        socket_kill(c, error == ETIMEDOUT ? MOTE_ERR_TIMEOUT : MOTE_ERR_REFUSED);
        return;
    }
    c->state = SOCKET_OPEN;
    socket_tell(c, ENDPOINT_CONNECTED);
}

static void on_ready(struct watch *w, uint32_t events)
{
    struct socket_conn *c = (struct socket_conn *)w;

    if (c->state == SOCKET_CONNECTING) {
        end_connect(c);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        c->blocked = false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
        return;
    if (!c->read_end && buffer_free(&c->rx) != 0)
        receive(c);
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        on_hangup(c, (events & EPOLLERR) != 0);
}

void socket_consume(struct socket_conn *c, uint32_t n)
{
    buffer_consume(&c->rx, n);
    give_tail_back_soon(c, &c->rx, c->rx_touched);
}

/* --- time --- */

void socket_expire(struct socket_conn *c)
{
    if (c->state == SOCKET_OPEN) {
        c->deadline = SOCKET_NEVER;
        give_tail_back(&c->rx, &c->rx_touched);
        give_tail_back(&c->tx, &c->tx_touched);
    } else if (c->state == SOCKET_CONNECTING) {
        socket_kill(c, MOTE_ERR_TIMEOUT);
    } else { /* CLOSING: what could not be sent is lost, and the peer must not take it for the end
              */
        socket_release(c, buffer_used(&c->tx) != 0);
    }
}
