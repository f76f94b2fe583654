/* SPDX-License-Identifier: MIT */
/*
 * The command line of vsockd. See options.h. Every value is checked here, so that
 * the rest of the program can rely on it.
 */
#include "qemu/vsockd/options.h"

#include "drivers/vsock_packet.h"
#include "qemu/vsockd/command.h"
#include "qemu/vsockd/unix_socket.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUEST_CID_DEFAULT 3
/* What "_<port>" may add to the path of the host's socket. */
#define PORT_SUFFIX_MAX (sizeof "_4294967295" - 1)

static const char help[] =
    "Usage: vsockd --socket PATH --uds PATH [--cid N] [--host-cid N] [--control PATH]\n"
    "The host's side of a virtio-vsock device, for QEMU's vhost-user-vsock-pci and\n"
    "vhost-user-vsock-device. Ends when QEMU goes away.\n"
    "\n"
    "  --socket PATH   the unix socket that QEMU connects to (vhost-user)\n"
    "  --uds PATH      the unix socket for host clients: \"CONNECT <port>\\n\" is answered\n"
    "                  by \"OK <host port>\\n\", or the connection is closed; the guest's\n"
    "                  connections to port P go to the unix socket PATH_P\n"
    "  --cid N         the guest's CID (default 3)\n"
    "  --host-cid N    the CID that the host's side poses as (default 2)\n"
    "  --control PATH  a unix socket for tests: the device misbehaves on request, see below\n"
    "  --help          this text\n"
    "\n"
    "Prints \"vsockd: listening\" once both sockets listen.\n"
    "Exit status: 0 when QEMU has gone or on SIGTERM or SIGINT, 125 when vsockd failed.\n"
    "\n"
    "The control socket.\n";

/* A CID is 32 bits wide; the upper half of the field is reserved. */
static bool parse_cid(const char *text, uint64_t *cid)
{
    char *end;

    errno = 0;
    *cid = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *cid < VSOCK_CID_ANY;
}

static bool is_reserved(uint64_t cid)
{
    return cid <= VSOCK_CID_HOST;
}

static bool paths_are_right(const struct options *options)
{
    if (options->socket_path == NULL || options->uds_path == NULL) {
        warnx("--socket and --uds are needed; --help tells more");
        return false;
    }
    if (strlen(options->socket_path) > UNIX_PATH_MAX) {
        warnx("%s: longer than a unix socket's path, %zu bytes", options->socket_path,
              UNIX_PATH_MAX);
        return false;
    }
    if (strlen(options->uds_path) > UNIX_PATH_MAX - PORT_SUFFIX_MAX) {
        warnx("%s: with _<port> longer than a unix socket's path, %zu bytes", options->uds_path,
              UNIX_PATH_MAX);
        return false;
    }
    if (options->control_path != NULL && strlen(options->control_path) > UNIX_PATH_MAX) {
        warnx("%s: longer than a unix socket's path, %zu bytes", options->control_path,
              UNIX_PATH_MAX);
        return false;
    }
    return true;
}

static bool cids_are_right(const struct options *options)
{
    if (is_reserved(options->guest_cid)) {
        warnx("--cid: 0, 1 and 2 are reserved");
        return false;
    }
    if (options->host_cid == options->guest_cid) {
        warnx("--host-cid: the same as --cid");
        return false;
    }
    return true;
}

/* Takes one option; false when its value is wrong or it is unknown. */
static bool take_option(struct options *options, int option)
{
    switch (option) {
    case 's':
        options->socket_path = optarg;
        return true;
    case 'u':
        options->uds_path = optarg;
        return true;
    case 'm':
        options->control_path = optarg;
        return true;
    case 'c':
    case 'C':
        if (parse_cid(optarg, option == 'c' ? &options->guest_cid : &options->host_cid))
            return true;
        warnx("%s: not a CID, a number below 4294967295", optarg);
        return false;
    default:
        return false; /* getopt has said why */
    }
}

enum options_result options_parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"socket", required_argument, NULL, 's'},
        {"uds", required_argument, NULL, 'u'},
        {"cid", required_argument, NULL, 'c'},
        {"host-cid", required_argument, NULL, 'C'},
        {"control", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *options = (struct options){.guest_cid = GUEST_CID_DEFAULT, .host_cid = VSOCK_CID_HOST};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            command_print(stdout);
            return OPTIONS_HELP;
        }
        if (!take_option(options, option))
            return OPTIONS_WRONG;
    }
    if (optind < argc) {
        warnx("%s: no argument is expected", argv[optind]);
        return OPTIONS_WRONG;
    }
    return paths_are_right(options) && cids_are_right(options) ? OPTIONS_RUN : OPTIONS_WRONG;
}
