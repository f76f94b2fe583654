/* SPDX-License-Identifier: MIT */
#include "drivers/socket_way.h"

#include "platform/error.h"
#include "platform/linux/errno_text.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

#define GUEST_CID_MIN 3 /* below: hypervisor, this very machine, host */
#define BACKLOG       4096

static const struct socket_way *way;
static bool automatic;

const struct socket_way *socket_way(void)
{
    return way;
}

bool socket_way_is_automatic(void)
{
    return automatic;
}

bool socket_way_fall_back(void)
{
    if (!automatic || way == &socket_tcp)
        return false;
    way = &socket_tcp;
    return true;
}

/* What is missing to be a guest with vsock goes to the console. Without a device the kernel has
 * no CID; it has the host's where it is a host, which another VMM's guest may reach. */
static bool find_cid(uint32_t min, uint64_t *cid)
{
    uint32_t found = 0;
    long result = socket_vsock_cid(&found);

    *cid = found;
    if (result == -ENOENT)
        printf("mote: no vsock: no /dev/vsock: the module vsock is missing\n");
    else if (result < 0)
        printf("mote: no vsock: /dev/vsock: %s\n", errno_text(result));
    else if (found == VMADDR_CID_ANY)
        printf("mote: no vsock: no CID: no virtio-vsock device, or its module "
               "vmw_vsock_virtio_transport is missing\n");
    else if (found < min)
        printf("mote: no vsock: CID %u is not a guest's\n", (unsigned)found);
    else
        return true;
    *cid = 0;
    return false;
}

static int choose_auto(uint64_t *cid)
{
    automatic = true;
    way = find_cid(GUEST_CID_MIN, cid) ? &socket_vsock : &socket_tcp;
    return MOTE_OK;
}

static int choose_vsock(uint64_t *cid)
{
    way = &socket_vsock;
    return find_cid(0, cid) ? MOTE_OK : MOTE_ERR_NOT_FOUND;
}

static int choose_tcp(uint64_t *cid)
{
    *cid = 0;
    way = &socket_tcp;
    return MOTE_OK;
}

static int choose_unix(const char *path, size_t len, uint64_t *cid)
{
    *cid = 0;
    way = &socket_unix;
    if (socket_unix_use(path, len))
        return MOTE_OK;
    printf("mote: --listen unix:PATH: PATH has 1 to %d bytes\n", UNIX_PATH_MAX - 7);
    return MOTE_ERR_INVALID;
}

static const struct {
    const char *name;
    int (*choose)(uint64_t *cid);
} words[] = {
    {"auto", choose_auto},
    {"vsock", choose_vsock},
    {"tcp", choose_tcp},
};

int socket_way_choose(uint64_t *cid)
{
    static const char prefix[] = "unix:";
    const size_t prefix_len = sizeof prefix - 1;
    size_t len;
    const char *word = platform_last_option("mote.listen", &len);

    if (word == NULL) {
        word = "auto";
        len = strlen(word);
    }
    automatic = false;
    if (len >= prefix_len && memcmp(word, prefix, prefix_len) == 0)
        return choose_unix(word + prefix_len, len - prefix_len, cid);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].name) == len && memcmp(word, words[i].name, len) == 0)
            return words[i].choose(cid);
    printf("mote: --listen %.*s: auto, vsock, tcp or unix:PATH\n", (int)len, word);
    return MOTE_ERR_INVALID;
}

long socket_bound(int family, void (*prepare)(int fd), const void *address, size_t n)
{
    long fd = sys_socket(family, SOCK_STREAM | SOCK_NONBLOCK);

    if (fd < 0)
        return fd;
    if (prepare != NULL)
        prepare((int)fd);
    long result = sys_bind((int)fd, address, n);
    if (result == 0)
        result = sys_listen((int)fd, BACKLOG);
    if (result == 0)
        return fd;
    sys_close((int)fd);
    return result;
}

long socket_connecting(int family, const void *address, size_t n, long *result)
{
    long fd = sys_socket(family, SOCK_STREAM | SOCK_NONBLOCK);

    if (fd >= 0)
        *result = sys_connect((int)fd, address, n);
    return fd;
}
