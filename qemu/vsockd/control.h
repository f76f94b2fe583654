/* SPDX-License-Identifier: MIT */
/*
 * The control socket: one client at a time says, line by line, how the device is to
 * misbehave, and hears when that is done. Only tests need it; without --control there
 * is none and nothing here ever acts.
 */
#ifndef QEMU_VSOCKD_CONTROL_H
#define QEMU_VSOCKD_CONTROL_H

#include "qemu/vsockd/command.h"
#include "qemu/vsockd/hybrid.h"
#include "qemu/vsockd/vhost_user.h"

#define CONTROL_LINE_MAX 64

enum control_wait {
    CONTROL_IDLE,
    CONTROL_FAULT,  /* it goes on */
    CONTROL_CONFIG, /* QEMU has to read the configuration before a reset */
};

struct control {
    struct faults faults;
    struct vhost_user *backend;
    struct hybrid *hybrid;
    int listener; /* -1: there is no control socket */
    int fd;       /* the client; -1: none */
    uint32_t len; /* of what it has said and was not done yet */
    char line[CONTROL_LINE_MAX];
    enum control_wait wait; /* the next line is not looked at before */
    uint32_t change;        /* the configuration change that is waited for */
};

/* Prepares a control over backend (with its device) and hybrid, which must outlive it. */
void control_init(struct control *control, struct vhost_user *backend, struct hybrid *hybrid);

/* Takes a client that waits, when there is no other. */
void control_accept(struct control *control);

/* Reads what the client says. */
void control_receive(struct control *control);

/*
 * Goes on with everything: commands, faults, resets. Call it before the queues are
 * looked at; returns how much there was to do.
 */
int control_run(struct control *control);

#endif
