/* SPDX-License-Identifier: MIT */
/*
 * What the machine is: the seam between mote and what it runs on. One
 * implementation is linked (platform/x86_64 with platform/bare, later others);
 * nothing above this header can tell which.
 *
 * The platform starts first and calls main(), whose result is the guest's exit
 * status. One thread: no function here may be called from an interrupt.
 */
#ifndef PLATFORM_PLATFORM_H
#define PLATFORM_PLATFORM_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOTE_VERSION "0.1.0"

/* How a guest ends: the n of "EXIT: STATUS=n", 0..255. qemu/run exits with it. Where programs are
 * run, the status of one may be the guest's. */
enum exit_status {
    EXIT_OK = 0,        /* powered off as asked */
    EXIT_FAILED = 1,    /* the agent gave up; the console says why */
    EXIT_PANIC = 2,     /* a programming error, with file and line */
    EXIT_EXCEPTION = 3, /* the processor refused an instruction; registers on the console */
    EXIT_NO_DEVICE = 4, /* no vsock device that can be used */
    EXIT_BROKEN = 5,    /* the vsock device broke its specification */
};

/* What mote runs on, in words. */
extern const char platform_name[];

/* Why the machine's owner wants the guest to end (a power button, a signal); NULL: it does not.
 * Asked in every turn of the loop. */
const char *platform_end_request(void);

/* The command line, NUL-terminated; empty when there is none; under a kernel its words, or those
 * that the arguments stand for, with a blank between them. Valid for ever. */
const char *platform_cmdline(void);

/*
 * The value of the word KEY=VALUE on the command line, of the first such word, or of
 * the next one behind after (a value this function returned). *len is its length; the
 * value is not NUL-terminated. NULL when there is none.
 */
const char *platform_option(const char *key, const char *after, size_t *len);

/* The value of the last such word: who says something twice means the second. */
static inline const char *platform_last_option(const char *key, size_t *len)
{
    const char *last = NULL, *next;
    size_t n;

    while ((next = platform_option(key, last, &n)) != NULL) {
        last = next;
        *len = n;
    }
    return last;
}

/* A file that the VMM handed over (-initrd, module 0), read only; NULL when there is none. */
const void *platform_module(size_t *len);

/* Writes to the console; waits for a slow one. */
void platform_write(const char *s, size_t n);

/* Nanoseconds since the platform started; never goes back. Jumps after a restore. */
uint64_t platform_now_ns(void);

/* What the wall clock says, as HTTP has it ("Fri, 20 Nov 2026 10:27:29 GMT"), good until the next
 * call; NULL: there is none. */
const char *platform_date(void);

/*
 * Sleeps until an interrupt has come since the last call returned, or until the
 * deadline (platform_now_ns() time). May return early; callers poll and come back.
 */
void platform_wait(uint64_t deadline_ns);

/*
 * Makes len bytes of device memory at a physical address accessible, uncached; the
 * address is identity-mapped. NULL when it lies in the image or cannot be mapped.
 * Memory of the image itself has the same address for devices.
 */
void *platform_map(uint64_t phys, size_t len);

/* Fills buf from the processor's own source. MOTE_ERR_NO_ENTROPY when it has none. */
int platform_entropy(void *buf, size_t n);

/* A virtio-mmio window found by the platform. */
struct platform_mmio {
    uint64_t base;
    uint32_t irq; /* global system interrupt; PLATFORM_NO_IRQ: poll it */
};
#define PLATFORM_NO_IRQ UINT32_MAX

/* The virtio-mmio windows; *list stays valid. Empty slots may be among them. */
size_t platform_mmio_devices(const struct platform_mmio **list);

/* Where a TPM's registers may be, a page. base 0: the firmware tells of one, but that it has to be
 * started in a way that is not supported, number start_method of its table TPM2. */
struct platform_tpm {
    uint64_t base;
    uint32_t start_method;
};
struct platform_tpm platform_tpm(void);

/* Routes a device interrupt to platform_wait(). False: it can only be polled. */
bool platform_irq_enable(uint32_t irq);

/* PCI configuration space, 32 bits at a time. bdf: bus << 8 | device << 3 | function.
 * Reads give all ones where there is no device, or no PCI at all. */
uint32_t platform_pci_read(uint16_t bdf, uint16_t offset);
void platform_pci_write(uint16_t bdf, uint16_t offset, uint32_t value);

/* Where a device writes, and what, to wake platform_wait() (MSI, MSI-X). */
struct platform_msi {
    uint64_t address;
    uint32_t data;
};
struct platform_msi platform_msi(void);

/* Prints "EXIT: STATUS=n", flushes the console and ends the machine. */
_Noreturn void platform_exit(int status);

/* Restarts the machine; ends it where there is no way to restart. */
_Noreturn void platform_reboot(void);

/* A programming error: says where and ends with EXIT_PANIC. Never for input. */
_Noreturn void platform_panic(const char *file, int line, const char *what);
#define PANIC(what) platform_panic(__FILE__, __LINE__, what)

#endif
