/* SPDX-License-Identifier: MIT */
/* The clock, by the kernel's vDSO where it has one: a call in our own address space. */
#ifndef PLATFORM_LINUX_CLOCK_H
#define PLATFORM_LINUX_CLOCK_H

/* vdso: what the auxiliary vector has as AT_SYSINFO_EHDR; NULL: none. Begins the time of
 * platform_now_ns(). */
void clock_start(const void *vdso);

#endif
