/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_DATE_H
#define PLATFORM_LINUX_DATE_H

#include <stdint.h>

#define DATE_SIZE 30 /* "Fri, 20 Nov 2026 10:27:29 GMT" and a NUL */

/* Writes seconds since 1970 (UTC) as HTTP has them (RFC 9110, section 5.6.7); before the year
 * 10000.
 */
void date_write(uint64_t seconds, char text[DATE_SIZE]);

#endif
