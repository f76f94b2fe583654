/* SPDX-License-Identifier: MIT */
/*
 * vsockd: the host's side of a virtio-vsock device, outside of QEMU and the kernel.
 * One thread, one poll loop, static memory. This file reads the options, opens what
 * is needed in one straight line, and turns the loop; it ends when QEMU goes away.
 */
#include "drivers/vsock_machine.h"
#include "qemu/vsockd/control.h"
#include "qemu/vsockd/device.h"
#include "qemu/vsockd/hybrid.h"
#include "qemu/vsockd/options.h"
#include "qemu/vsockd/unix_socket.h"
#include "qemu/vsockd/vhost_user.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EXIT_OWN_FAILURE 125
#define NS_PER_S         UINT64_C(1000000000)
#define NS_PER_MS        UINT64_C(1000000)
/* Descriptors besides the clients': standard ones, memory, queues, sockets, a message's. */
#define OTHER_FDS 64

/* The entries of the poll set in front of the clients'. */
enum {
    POLL_SIGNAL,
    POLL_FRONTEND_LISTENER,
    POLL_FRONTEND,
    POLL_BACK,
    POLL_HYBRID_LISTENER,
    POLL_CONTROL_LISTENER,
    POLL_CONTROL,
    POLL_KICKS,
    POLL_CLIENTS = POLL_KICKS + DEVICE_QUEUES,
    POLL_COUNT = POLL_CLIENTS + HYBRID_CLIENTS_MAX,
};

static uint8_t rx_memory[HYBRID_CLIENTS_MAX][HYBRID_BUFFER];
static uint8_t tx_memory[HYBRID_CLIENTS_MAX][HYBRID_BUFFER];
static struct vsock_conn conns[HYBRID_CLIENTS_MAX];
static struct vsock_machine machine;
static struct device device;
static struct vhost_user backend;
static struct hybrid hybrid;
static struct control control;
static struct pollfd pollfds[POLL_COUNT];
static int signal_fd;
static int frontend_listener;

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* SIGTERM and SIGINT as something to poll; a closed peer is an error of write(), no signal. */
static bool open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    signal_fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
                    ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)
                    : -1;
    if (signal_fd < 0)
        warn("signalfd");
    return signal_fd >= 0;
}

/* A listener that can't accept for want of descriptors would keep poll() awake. */
static bool reserve_descriptors(void)
{
    const rlim_t need = HYBRID_CLIENTS_MAX + OTHER_FDS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return true;
    limit.rlim_cur = need;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        warn("%lu open files are needed: setrlimit", (unsigned long)need);
        return false;
    }
    return true;
}

static void init_machine(const struct options *options)
{
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++) {
        conns[i].rx = (struct buffer){.base = rx_memory[i], .size = HYBRID_BUFFER};
        conns[i].tx = (struct buffer){.base = tx_memory[i], .size = HYBRID_BUFFER};
    }
    /* Another port each run: a guest may still remember those of the last one. */
    vsock_init(&machine, options->host_cid, conns, HYBRID_CLIENTS_MAX,
               (uint32_t)(now_ns() / NS_PER_MS));
    machine.in_flight_max = machine.packets_max = VSOCK_UNLIMITED;
    machine.end_wait = 0; /* a host's client wants to know at once */
    vsock_allow(&machine, options->guest_cid);
    vsock_listen(&machine, VSOCK_PORT_ANY);
}

static void prepare_poll(void)
{
    pollfds[POLL_SIGNAL] = (struct pollfd){signal_fd, POLLIN, 0};
    pollfds[POLL_FRONTEND_LISTENER] = (struct pollfd){frontend_listener, POLLIN, 0};
    pollfds[POLL_FRONTEND] = (struct pollfd){backend.fd, POLLIN, 0};
    pollfds[POLL_BACK] = (struct pollfd){backend.back_fd, POLLIN, 0};
    pollfds[POLL_HYBRID_LISTENER] = (struct pollfd){hybrid.listener, POLLIN, 0};
    pollfds[POLL_CONTROL_LISTENER] = (struct pollfd){control.listener, POLLIN, 0};
    pollfds[POLL_CONTROL] = (struct pollfd){control.fd, POLLIN, 0};
    for (int i = 0; i < DEVICE_QUEUES; i++)
        pollfds[POLL_KICKS + i] = (struct pollfd){device.queues[i].kick_fd, POLLIN, 0};
    hybrid_prepare_poll(&hybrid, &pollfds[POLL_CLIENTS]);
}

/* How long poll() may sleep, in milliseconds, rounded up. */
static int poll_timeout(bool busy)
{
    uint64_t deadline = vsock_deadline(&machine);
    uint64_t now = now_ns();

    if (busy || deadline <= now)
        return 0;
    if (deadline == UINT64_MAX)
        return -1;
    return (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* One front end at a time; a further one (or somebody who asks whether we live) is let go. */
static void accept_frontend(void)
{
    int fd = unix_accept(frontend_listener);

    if (fd >= 0 && backend.fd >= 0)
        close(fd);
    else if (fd >= 0)
        backend.fd = fd;
}

/* Takes the kicks; what was kicked for is looked at in every turn. */
static void take_kicks(void)
{
    for (int i = 0; i < DEVICE_QUEUES; i++) {
        uint64_t count;

        if (pollfds[POLL_KICKS + i].revents != 0 &&
            read(device.queues[i].kick_fd, &count, sizeof count) != sizeof count &&
            errno != EAGAIN) {
            warn("a queue's kick descriptor");
            close(device.queues[i].kick_fd);
            device.queues[i].kick_fd = -1;
            device_update(&device);
        }
    }
}

/* A front end that left without a word was none. */
static enum vhost_user_result serve_frontend(void)
{
    enum vhost_user_result result = vhost_user_receive(&backend);

    if (result == VHOST_USER_ENDED && backend.heard == 0) {
        close(backend.fd);
        backend.fd = -1;
        return VHOST_USER_GOES_ON;
    }
    return result;
}

/* Carries packets and bytes once around; true when there may be more to do at once. */
static bool run_device(void)
{
    uint64_t now = now_ns();
    int moved = control_run(&control);

    if (!faults_hold(&control.faults, DEVICE_TX))
        moved += device_transmit(&device, now);
    vsock_tick(&machine, now);
    hybrid_run(&hybrid, device.running, now);
    if (!faults_hold(&control.faults, DEVICE_RX))
        moved += device_receive(&device);
    if (!device.running)
        hybrid_drop_all(&hybrid);
    return moved > 0 || faults_busy(&control.faults);
}

/* Takes what one poll() found. */
static enum vhost_user_result serve(void)
{
    enum vhost_user_result result = VHOST_USER_GOES_ON;

    take_kicks();
    /* Before any client: a guest that says it is up has written all of QEMU's messages. */
    if (backend.fd >= 0 && (pollfds[POLL_FRONTEND].revents != 0 || !device.running))
        result = serve_frontend();
    if (pollfds[POLL_FRONTEND_LISTENER].revents != 0)
        accept_frontend();
    if (pollfds[POLL_BACK].revents != 0)
        vhost_user_receive_answers(&backend);
    if (pollfds[POLL_CONTROL].revents != 0)
        control_receive(&control);
    if (pollfds[POLL_CONTROL_LISTENER].revents != 0)
        control_accept(&control);
    hybrid_take_poll(&hybrid, &pollfds[POLL_CLIENTS]);
    if (pollfds[POLL_HYBRID_LISTENER].revents != 0)
        hybrid_accept(&hybrid);
    return result;
}

/* Turns until a signal, or until QEMU is gone; returns the exit code. */
static int run(void)
{
    enum vhost_user_result result = VHOST_USER_GOES_ON;
    bool busy = false;

    while (result == VHOST_USER_GOES_ON) {
        /* A queue that is left alone on purpose is nothing to hurry for. */
        if (!faults_hold(&control.faults, DEVICE_TX) && !device_may_wait(&device))
            busy = true;
        prepare_poll();
        if (poll(pollfds, POLL_COUNT, poll_timeout(busy)) < 0 && errno != EINTR) {
            warn("poll");
            return EXIT_OWN_FAILURE;
        }
        if (pollfds[POLL_SIGNAL].revents != 0)
            return 0;
        result = serve();
        busy = run_device();
    }
    return result == VHOST_USER_ENDED ? 0 : EXIT_OWN_FAILURE;
}

/* Opens the sockets around the loop, so that each is removed exactly when it was made. */
static int listen_and_run(const struct options *options)
{
    struct {
        const char *path; /* NULL: not asked for */
        int *listener;
    } sockets[] = {
        {options->socket_path, &frontend_listener},
        {options->uds_path, &hybrid.listener},
        {options->control_path, &control.listener},
    };
    const int count = sizeof sockets / sizeof sockets[0];
    int code = EXIT_OWN_FAILURE;
    int n = 0;

    while (n < count &&
           (sockets[n].path == NULL || (*sockets[n].listener = unix_listen(sockets[n].path)) >= 0))
        n++;
    if (n == count) {
        puts("vsockd: listening");
        fflush(stdout);
        code = run();
    }
    while (n-- > 0)
        if (sockets[n].path != NULL)
            unlink(sockets[n].path);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;

    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_HELP:
        return 0;
    case OPTIONS_WRONG:
        return EXIT_OWN_FAILURE;
    case OPTIONS_RUN:
        break;
    }
    if (!open_signals() || !reserve_descriptors())
        return EXIT_OWN_FAILURE;
    init_machine(&options);
    device_init(&device, &machine, options.host_cid);
    vhost_user_init(&backend, &device, options.guest_cid);
    hybrid_init(&hybrid, &machine, options.uds_path, options.guest_cid);
    control_init(&control, &backend, &hybrid);
    return listen_and_run(&options);
}
