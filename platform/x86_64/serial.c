/* SPDX-License-Identifier: MIT */
/*
 * A serial line of the PC: a 16550 at one of the four usual places. Its interrupt is an edge and
 * does nothing but wake the loop; each read takes all that is there, so that there is another.
 */
#include "platform/serial.h"

#include "platform/platform.h"
#include "platform/x86_64/x86.h"

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };
enum { SCR = 7, POST_CODES = 0x80 };
enum { IER_RX = 0x01, IER_TX = 0x02, IIR_NONE = 0x01, LSR_DR = 0x01, LSR_THRE = 0x20 };

#define FIFO_SIZE 16

/* Without an interrupt, and while one could be missed. */
#define LOOK_NS UINT64_C(5000000)

static uint16_t base; /* 0: not open */
static bool polled;
static bool is_full; /* the last write left something */

uint16_t serial_port(struct bytes name)
{
    static const uint16_t places[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

    if (name.n != 5 || memcmp(name.at, "ttyS", 4) != 0 || name.at[4] < '0' || name.at[4] > '3')
        return 0;
    return places[name.at[4] - '0'];
}

/* Where nobody answers a read, KVM may hand out what was written last: another byte is. */
static bool keeps(uint16_t port, uint8_t value)
{
    outb((uint16_t)(port + SCR), value);
    outb(POST_CODES, 0);
    return inb((uint16_t)(port + SCR)) == value;
}

bool serial_is_there(uint16_t port)
{
    return keeps(port, 0x5a) && keeps(port, 0xa5);
}

void serial_init(uint16_t port)
{
    outb((uint16_t)(port + IER), 0);
    outb((uint16_t)(port + LCR), 0x83); /* the divisor; 8n1 */
    outb((uint16_t)(port + DLL), 1);    /* 115200 baud */
    outb((uint16_t)(port + DLM), 0);
    outb((uint16_t)(port + LCR), 0x03);
    outb((uint16_t)(port + FCR), 0x07); /* FIFOs on and empty */
    outb((uint16_t)(port + MCR), 0x0b); /* DTR, RTS, and the interrupt's way out */
}

int serial_open(struct bytes name)
{
    uint16_t port = serial_port(name);

    if (port == 0 || !serial_is_there(port))
        return MOTE_ERR_NOT_FOUND;
    serial_init(port);
    /* COM1 and COM3 have interrupt 4, the other two 3. */
    polled = !platform_irq_enable((port & 0x100) != 0 ? 4 : 3);
    outb((uint16_t)(port + IER), IER_RX);
    base = port;
    return MOTE_OK;
}

size_t serial_read(void *buf, size_t n)
{
    uint8_t *at = buf;
    size_t done = 0;

    inb((uint16_t)(base + IIR)); /* that there is room is known then */
    while (done < n && (inb((uint16_t)(base + LSR)) & LSR_DR) != 0)
        at[done++] = inb((uint16_t)(base + RBR));
    return done;
}

size_t serial_write(const void *buf, size_t n)
{
    const uint8_t *at = buf;
    size_t done = 0;

    while (done < n && (inb((uint16_t)(base + LSR)) & LSR_THRE) != 0)
        for (size_t i = 0; i < FIFO_SIZE && done < n; i++)
            outb((uint16_t)(base + THR), at[done++]);
    if (is_full != (done < n)) {
        is_full = done < n;
        outb((uint16_t)(base + IER), is_full ? IER_RX | IER_TX : IER_RX);
    }
    return done;
}

uint64_t serial_deadline(uint64_t now)
{
    return polled || is_full ? now + LOOK_NS : UINT64_MAX;
}
