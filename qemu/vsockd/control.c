/* SPDX-License-Identifier: MIT */
/*
 * Lines in, answers out, and what the commands do but for the faults themselves. See
 * control.h. A new CID takes three steps: QEMU is told that the configuration has
 * changed, it reads it and answers, and then the guest gets its event.
 */
#include "qemu/vsockd/control.h"

#include "drivers/vsock_packet.h"
#include "qemu/vsockd/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Changes of the configuration that QEMU has not answered yet, during a storm of them. */
#define STORM_DEPTH 64

void control_init(struct control *control, struct vhost_user *backend, struct hybrid *hybrid)
{
    *control = (struct control){.backend = backend, .hybrid = hybrid, .listener = -1, .fd = -1};
    faults_init(&control->faults, backend->device);
}

static void drop_client(struct control *control)
{
    close(control->fd);
    control->fd = -1;
    control->len = 0;
    control->wait = CONTROL_IDLE;
}

static void answer(struct control *control, const char *error)
{
    char line[128];
    int n = error == NULL ? snprintf(line, sizeof line, "ok\n")
                          : snprintf(line, sizeof line, "error: %s\n", error);

    control->wait = CONTROL_IDLE;
    if (send(control->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
        drop_client(control);
}

void control_accept(struct control *control)
{
    if (control->fd < 0)
        control->fd = unix_accept(control->listener);
}

void control_receive(struct control *control)
{
    size_t room = sizeof control->line - control->len;
    ssize_t n = recv(control->fd, control->line + control->len, room, MSG_DONTWAIT);

    if (n > 0)
        control->len += (uint32_t)n;
    else if (n == 0 || errno != EAGAIN) /* also when a line finds no room */
        drop_client(control);
}

/* [5.10.6.7] Nothing is left of any connection on our side, and the guest is told. */
static void reset_transport(struct control *control)
{
    struct vsock_machine *machine = control->backend->device->machine;

    control->hybrid->guest_cid = control->backend->guest_cid;
    machine->peer_count = 0;
    vsock_allow(machine, control->backend->guest_cid);
    vsock_transport_reset(machine, machine->local_cid);
    hybrid_drop_all(control->hybrid);
    answer(control, faults_send_event(&control->faults, VIRTIO_VSOCK_EVENT_TRANSPORT_RESET)
                        ? NULL
                        : "the guest has no buffer in its event queue");
}

static void change_cid(struct control *control, uint64_t cid)
{
    control->backend->guest_cid = cid;
    if (!vhost_user_config_changed(control->backend)) {
        answer(control, "QEMU can't be told");
        return;
    }
    control->change = control->backend->asked;
    control->wait = CONTROL_CONFIG;
}

static void start_fault(struct control *control, const struct command *command)
{
    const char *error = faults_start(&control->faults, command->fault, command->number);

    if (error != NULL)
        answer(control, error);
    else
        control->wait = CONTROL_FAULT;
}

static void execute(struct control *control, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_FAULT:
        start_fault(control, command);
        break;
    case COMMAND_END:
        faults_end(&control->faults);
        answer(control, NULL);
        break;
    case COMMAND_EVENT_QUEUE:
        control->faults.event_queue = command->number;
        answer(control,
               faults_open_event_queue(&control->faults) ? NULL : "there is no queue of mote's");
        break;
    case COMMAND_RESET:
        if (command->has_number)
            change_cid(control, command->number);
        else
            reset_transport(control);
        break;
    }
}

/* Takes the next line when it is whole. */
static bool take_line(struct control *control)
{
    char *newline = control->len > 0 ? memchr(control->line, '\n', control->len) : NULL;
    struct command command;
    const char *error;

    if (newline == NULL)
        return false;
    *newline = '\0';
    error = command_parse(control->line, &command);
    control->len -= (uint32_t)(newline + 1 - control->line);
    memmove(control->line, newline + 1, control->len);
    if (error != NULL)
        answer(control, error);
    else
        execute(control, &command);
    return true;
}

static void storm(struct control *control)
{
    struct vhost_user *backend = control->backend;

    while ((control->faults.lasting & FAULT_CONFIG_STORM) != 0 &&
           backend->asked - backend->answered < STORM_DEPTH && vhost_user_config_changed(backend)) {
    }
}

int control_run(struct control *control)
{
    int n = 0;

    while (control->fd >= 0 && control->wait == CONTROL_IDLE && take_line(control))
        n++;
    n += faults_run(&control->faults);
    storm(control);
    if (control->wait != CONTROL_IDLE && !control->backend->device->running)
        answer(control, "the guest has gone");
    if (control->wait == CONTROL_FAULT && !faults_busy(&control->faults)) {
        answer(control, NULL);
        n++;
    }
    if (control->wait == CONTROL_CONFIG &&
        (int32_t)(control->backend->answered - control->change) >= 0) {
        reset_transport(control);
        n++;
    }
    return n;
}
