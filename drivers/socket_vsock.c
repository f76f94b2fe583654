/* SPDX-License-Identifier: MIT */
/* AF_VSOCK, whose driver is the kernel's. */
#include "drivers/socket_way.h"

#include <stdio.h>

#define IOCTL_VM_SOCKETS_GET_LOCAL_CID 0x7b9

long socket_vsock_cid(uint32_t *cid)
{
    long fd = sys_open("/dev/vsock", O_RDONLY, 0);

    if (fd < 0)
        return fd;
    long result = sys_ioctl((int)fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, cid);
    sys_close((int)fd);
    return result;
}

static long vsock_listen(uint32_t port)
{
    const struct sockaddr_vm a = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};

    return socket_bound(AF_VSOCK, NULL, &a, sizeof a);
}

static void vsock_unlisten(uint32_t port)
{
    (void)port; /* nothing stays behind */
}

static long vsock_connect(uint64_t cid, uint32_t port, long *result)
{
    const struct sockaddr_vm a = {
        .svm_family = AF_VSOCK, .svm_cid = (uint32_t)cid, .svm_port = port};

    if (cid >= VMADDR_CID_ANY)
        return -EOPNOTSUPP;
    return socket_connecting(AF_VSOCK, &a, sizeof a, result);
}

static struct socket_peer vsock_peer(const union socket_address *a)
{
    return (struct socket_peer){.cid = a->vm.svm_cid, .port = a->vm.svm_port};
}

static void vsock_name(uint32_t port, char *text, size_t n)
{
    snprintf(text, n, "vsock port %u", (unsigned)port);
}

const struct socket_way socket_vsock = {
    .listen = vsock_listen,
    .unlisten = vsock_unlisten,
    .connect = vsock_connect,
    .peer = vsock_peer,
    .name = vsock_name,
};
