/* SPDX-License-Identifier: MIT */
/* The endpoint over mote's own connection machine and virtio-vsock driver. */
#include "drivers/endpoint.h"
#include "drivers/entropy.h"
#include "drivers/vsock_device.h"
#include "platform/platform.h"

_Static_assert((ENDPOINT_WINDOW & (ENDPOINT_WINDOW - 1)) == 0, "a power of two");
_Static_assert((int)ENDPOINT_REQUESTED == (int)VSOCK_EVENT_REQUESTED &&
                   (int)ENDPOINT_TRANSPORT_RESET == (int)VSOCK_EVENT_TRANSPORT_RESET,
               "the events are the machine's");

/* A device without an interrupt is looked at so often. */
#define POLL_INTERVAL_NS UINT64_C(10000000)

static uint8_t windows[ENDPOINT_CONNECTIONS][ENDPOINT_WINDOW]
    __attribute__((aligned(16), section(".noinit")));
static uint8_t send_buffers[ENDPOINT_CONNECTIONS][ENDPOINT_SEND_BUFFER]
    __attribute__((aligned(16), section(".noinit")));
static struct vsock_conn conns[ENDPOINT_CONNECTIONS];
static struct vsock_machine machine;
static uint64_t polled_at;

/* Without any entropy ports start at the same place each boot. */
static uint32_t port_seed(void)
{
    uint32_t seed = 0;

    entropy_get(&seed, sizeof seed);
    return seed;
}

int endpoint_start(void)
{
    uint64_t cid;

    int result = vsock_device_start(&cid);
    if (result != MOTE_OK)
        return result;
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++) {
        conns[i].rx = (struct buffer){.base = windows[i], .size = ENDPOINT_WINDOW};
        conns[i].tx = (struct buffer){.base = send_buffers[i], .size = ENDPOINT_SEND_BUFFER};
    }
    vsock_init(&machine, cid, conns, ENDPOINT_CONNECTIONS, port_seed());
    return MOTE_OK;
}

uint64_t endpoint_cid(void)
{
    return machine.local_cid;
}

int endpoint_allow(uint64_t cid)
{
    return vsock_allow(&machine, cid);
}

int endpoint_listen(uint32_t port)
{
    return vsock_listen(&machine, port);
}

int endpoint_unlisten(uint32_t port)
{
    return vsock_unlisten(&machine, port);
}

int endpoint_connect(uint64_t cid, uint32_t port)
{
    return vsock_connect(&machine, cid, port, platform_now_ns());
}

int endpoint_accept(int conn)
{
    return vsock_accept(&machine, conn);
}

uint32_t endpoint_peek(int conn, const char **data)
{
    const uint8_t *bytes;
    uint32_t n = vsock_peek(&machine, conn, &bytes);

    *data = (const char *)bytes;
    return n;
}

void endpoint_consume(int conn, uint32_t n)
{
    vsock_consume(&machine, conn, n);
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **space)
{
    uint8_t *bytes = NULL;
    uint32_t n = vsock_reserve(&machine, conn, least, &bytes);

    *space = (char *)bytes;
    return n;
}

void endpoint_send(int conn, uint32_t n)
{
    vsock_send(&machine, conn, n);
}

bool endpoint_send_shut(int conn)
{
    return vsock_send_shut(&machine, conn);
}

void endpoint_shutdown(int conn)
{
    vsock_shutdown(&machine, conn, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
}

void endpoint_close(int conn)
{
    vsock_close(&machine, conn, platform_now_ns());
}

void endpoint_abort(int conn)
{
    vsock_abort(&machine, conn);
}

void endpoint_close_all(void)
{
    vsock_close_all(&machine, platform_now_ns());
}

bool endpoint_next_event(struct endpoint_event *event)
{
    struct vsock_event e;

    if (!vsock_next_event(&machine, &e))
        return false;
    if (e.type == VSOCK_EVENT_TRANSPORT_RESET) /* another copy of us may go on from the same port */
        vsock_seed_ports(&machine, port_seed());
    *event = (struct endpoint_event){.type = (enum endpoint_event_type)e.type,
                                     .conn = e.conn,
                                     .local_port = e.local_port,
                                     .peer_port = e.peer_port,
                                     .error = e.error};
    return true;
}

int endpoint_poll(void)
{
    polled_at = platform_now_ns();
    vsock_tick(&machine, polled_at);
    return vsock_device_poll(&machine, polled_at);
}

bool endpoint_flush(void)
{
    return vsock_device_flush(&machine);
}

uint64_t endpoint_deadline(void)
{
    uint64_t deadline = vsock_deadline(&machine);

    if (!vsock_device_interrupts() && deadline > polled_at + POLL_INTERVAL_NS)
        return polled_at + POLL_INTERVAL_NS;
    return deadline;
}

bool endpoint_may_wait(void)
{
    return vsock_device_may_wait();
}

int endpoint_connections(void)
{
    return vsock_connections(&machine);
}
