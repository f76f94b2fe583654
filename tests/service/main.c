/* SPDX-License-Identifier: MIT */
/*
 * The Linux program over the system's C library instead of start.c, so that the sanitizers can
 * be linked: everything else of it is the same.
 */
#include "platform/linux/life.h"

#include <stdio.h>
#include <sys/auxv.h>

int main(int argc, char **arguments, char **environment);

int main(int argc, char **arguments, char **environment)
{
    (void)argc;
    setvbuf(stdout, NULL, _IONBF, 0);
    life_run(arguments, (const char *const *)environment, (const void *)getauxval(AT_SYSINFO_EHDR));
}
