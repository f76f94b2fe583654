/* SPDX-License-Identifier: MIT */
/*
 * The console: a 16550 at the first PC serial port, as every x86 VMM has it, unless that was
 * given to somebody else (mote.bandsox=ttyS0): then the second, or nowhere.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#define COM1 0x3f8
#define COM2 0x2f8

enum { THR = 0, LSR = 5 };
enum { LSR_THRE = 0x20, LSR_TEMT = 0x40 };

/* A port that never gets ready must not stop the guest: give up after so many looks. */
#define SPIN_MAX 100000

static uint16_t port = COM1; /* 0: nobody hears us */

void console_init(void)
{
    serial_init(port);
}

void console_settle(void)
{
    size_t len;
    const char *name = platform_last_option("mote.bandsox", &len);

    if (name == NULL || serial_port((struct bytes){name, len}) != COM1)
        return;
    port = serial_is_there(COM2) ? COM2 : 0;
    if (port != 0)
        serial_init(port);
}

static void wait_for(uint8_t state)
{
    for (int i = 0; i < SPIN_MAX && (inb((uint16_t)(port + LSR)) & state) == 0; i++)
        ;
}

void console_flush(void)
{
    if (port != 0)
        wait_for(LSR_TEMT);
}

void platform_write(const char *s, size_t n)
{
    for (size_t i = 0; i < n && port != 0; i++) {
        wait_for(LSR_THRE);
        outb((uint16_t)(port + THR), (uint8_t)s[i]);
    }
}
