/* SPDX-License-Identifier: MIT */
/* The console: a 16550 at the first PC serial port, as every x86 VMM has it. */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#define COM1 0x3f8

enum {
    UART_THR = COM1 + 0, /* also the divisor's low byte */
    UART_IER = COM1 + 1, /* also the divisor's high byte */
    UART_FCR = COM1 + 2,
    UART_LCR = COM1 + 3,
    UART_MCR = COM1 + 4,
    UART_LSR = COM1 + 5,
};

enum { LSR_THRE = 0x20, LSR_TEMT = 0x40, LCR_DLAB = 0x80, LCR_8N1 = 0x03 };

/* A port that never gets ready must not stop the guest: give up after so many looks. */
#define SPIN_MAX 100000

void console_init(void)
{
    outb(UART_IER, 0);
    outb(UART_LCR, LCR_DLAB | LCR_8N1);
    outb(UART_THR, 1); /* 115200 baud */
    outb(UART_IER, 0);
    outb(UART_LCR, LCR_8N1);
    outb(UART_FCR, 0x07); /* FIFOs on and empty */
    outb(UART_MCR, 0x03); /* DTR, RTS */
}

static void wait_for(uint8_t state)
{
    for (int i = 0; i < SPIN_MAX && (inb(UART_LSR) & state) == 0; i++)
        ;
}

void console_flush(void)
{
    wait_for(LSR_TEMT);
}

void platform_write(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wait_for(LSR_THRE);
        outb(UART_THR, (uint8_t)s[i]);
    }
}
