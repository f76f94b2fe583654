/* SPDX-License-Identifier: MIT */
/* Kernel modules of the image. */
#ifndef PLATFORM_LINUX_MODULES_H
#define PLATFORM_LINUX_MODULES_H

/* Loads the files named in /lib/mote/modules, one path a line, in that order. One that is there
 * already is fine; what fails is said, and the rest still loaded. */
void modules_load(void);

#endif
