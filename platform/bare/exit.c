/* SPDX-License-Identifier: MIT */
/*
 * How a bare-metal guest ends: always with "EXIT: STATUS=n" on the console, which
 * qemu/run and any other harness can rely on, whatever the machine can say besides.
 */
#include "platform/bare/bare.h"
#include "platform/platform.h"

#include <stdio.h>
#include <stdlib.h>

/* No owner can be heard but by vsock. */
const char *platform_end_request(void)
{
    return NULL;
}

void platform_exit(int status)
{
    printf("EXIT: STATUS=%d\n", status);
    machine_power_off(status);
}

void platform_panic(const char *file, int line, const char *what)
{
    printf("\nmote: panic: %s:%d: %s\n", file, line, what);
    platform_exit(EXIT_PANIC);
}

/* The C library's way out of an assertion. */
void abort(void)
{
    PANIC("abort");
}
