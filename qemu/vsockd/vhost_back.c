/* SPDX-License-Identifier: MIT */
/*
 * The other direction of vhost-user, where the back end asks: that the configuration
 * has changed is all that a vsock device has to say. See vhost_user.h.
 *
 * Rules: QEMU, docs/interop/vhost-user, "Back-end message types".
 */
#include "qemu/vsockd/vhost_user.h"

#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE       (VHOST_USER_HEADER_SIZE + sizeof(uint64_t))
#define CONFIG_CHANGE_MSG 2

bool vhost_user_config_changed(struct vhost_user *backend)
{
    const struct vhost_user_message m = {.request = CONFIG_CHANGE_MSG,
                                         .flags =
                                             VHOST_USER_FLAG_VERSION | VHOST_USER_FLAG_NEED_REPLY};

    if (backend->back_fd < 0 ||
        send(backend->back_fd, &m, VHOST_USER_HEADER_SIZE, MSG_NOSIGNAL | MSG_DONTWAIT) !=
            (ssize_t)VHOST_USER_HEADER_SIZE)
        return false;
    backend->asked++;
    return true;
}

void vhost_user_receive_answers(struct vhost_user *backend)
{
    struct vhost_user_message m;
    ssize_t n;

    /* QEMU writes an answer in one piece. */
    while ((n = recv(backend->back_fd, &m, ANSWER_SIZE, MSG_DONTWAIT)) == (ssize_t)ANSWER_SIZE)
        backend->answered++;
    if (n == 0) {
        close(backend->back_fd);
        backend->back_fd = -1;
    }
}
