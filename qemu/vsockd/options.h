/* SPDX-License-Identifier: MIT */
/*
 * The command line of vsockd: what may be said there, and whether it makes sense.
 * Only the words are checked; whether a path can be used shows when it is opened.
 * The options are described in one place, the text of --help.
 */
#ifndef QEMU_VSOCKD_OPTIONS_H
#define QEMU_VSOCKD_OPTIONS_H

#include <stdint.h>

struct options {
    const char *socket_path;  /* where QEMU connects */
    const char *uds_path;     /* where host clients connect */
    const char *control_path; /* where tests ask for misbehaviour; NULL: nowhere */
    uint64_t guest_cid;
    uint64_t host_cid;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP,  /* the help was printed on stdout */
    OPTIONS_WRONG, /* said on stderr */
};

/* Reads and checks the command line. */
enum options_result options_parse(struct options *options, int argc, char **argv);

#endif
