/* SPDX-License-Identifier: MIT */
/* Error numbers of Linux in words. */
#ifndef PLATFORM_LINUX_ERRNO_TEXT_H
#define PLATFORM_LINUX_ERRNO_TEXT_H

/* What Go programs call an error ("no such file or directory"): hosts know these texts.
 * error: an errno or its negative. */
const char *errno_text(long error);

#endif
