/* SPDX-License-Identifier: MIT */
/*
 * The agent: start in order, then one loop that never waits for anything but the next
 * event, then an orderly end. main()'s result is the guest's exit status.
 */
#include "agent/app.h"
#include "agent/bandsox.h"
#include "agent/client.h"
#include "agent/job.h"
#include "agent/lifecycle.h"
#include "agent/measure.h"
#include "agent/notify.h"
#include "agent/number.h"
#include "agent/seed.h"
#include "agent/services.h"
#include "agent/session.h"
#include "agent/tpm.h"
#include "agent/vcom_server.h"
#include "drivers/entropy.h"
#include "platform/platform.h"
#include "proto/vcom.h"

#include <stdio.h>

/* At power-off, the last answers have so long to reach their readers. */
#define LINGER_NS UINT64_C(3000000000)

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* mote.allow_cid=N, any number of times; without it the host alone is served. */
static int allow_peers(void)
{
    const char *option = NULL;
    size_t len;
    bool any = false;

    while ((option = platform_option("mote.allow_cid", option, &len)) != NULL) {
        uint32_t cid; /* they have 32 bits */
        if (!number_parse(option, len, &cid) || endpoint_allow(cid) != MOTE_OK) {
            printf("mote: mote.allow_cid=%.*s: not a CID, or one too many\n", (int)len, option);
            return MOTE_ERR_INVALID;
        }
        any = true;
    }
    return any ? MOTE_OK : endpoint_allow(ENDPOINT_CID_HOST);
}

static void load_module(void)
{
    size_t len;
    const void *module = platform_module(&len);

    if (module != NULL && config_load(module, len) != MOTE_OK)
        printf("mote: module 0: %s\n", store_fault().why);
}

/* The TPM, and what is measured from the start on. */
static int start_tpm(void)
{
    int result = tpm_begin_use();

    if (result == MOTE_OK)
        result = measure_start();
    seed_want();
    return result;
}

static int start(void)
{
    const char *entropy = entropy_start();

    printf("mote: entropy: %s\n", entropy != NULL ? entropy : "none; keys will be refused");
    int endpoint = endpoint_start();
    if (endpoint == MOTE_ERR_INVALID) /* an option, and it was told which */
        return EXIT_FAILED;
    if (endpoint != MOTE_OK) {
        printf("mote: no vsock device that can be used\n");
        return EXIT_NO_DEVICE;
    }
    if (allow_peers() != MOTE_OK || notify_start() != MOTE_OK || start_tpm() != MOTE_OK ||
        endpoint_listen(STEREOS_PORT) != MOTE_OK)
        return EXIT_FAILED;
    if (endpoint_listen(VCOM_PORT) != MOTE_OK) /* who has it may have come first */
        printf("mote: VComLink is not served\n");
    load_module();
    lifecycle_enter(LIFECYCLE_READY, "all subsystems started");
    notify_ready();
    job_start();
    app_start();
    return bandsox_start() == MOTE_OK ? EXIT_OK : EXIT_FAILED;
}

static void sleep_until_needed(uint64_t deadline)
{
    deadline = earlier(deadline, endpoint_deadline());
    if (deadline > platform_now_ns() && endpoint_may_wait())
        platform_wait(deadline);
}

static void route(const struct endpoint_event *event)
{
    if (event->type == ENDPOINT_TRANSPORT_RESET)
        seed_renew();
    if (event->type != ENDPOINT_TRANSPORT_RESET && event->local_port == STEREOS_PORT)
        session_event(event);
    else if (event->type != ENDPOINT_TRANSPORT_RESET && event->local_port == VCOM_PORT)
        vcom_server_event(event);
    else if (!client_event(event) && !notify_event(event))
        app_event(event);
}

/* Whether it is time to go: somebody asked for shutdown, the application has stopped, and who
 * wants to know how it ended was told. */
static bool is_over(void)
{
    const char *reason = platform_end_request();

    if (reason != NULL)
        lifecycle_enter(LIFECYCLE_SHUTDOWN, reason);
    return lifecycle_state() == LIFECYCLE_SHUTDOWN && app_stopped() && notify_exit(app_status());
}

static void tick_tpm(uint64_t now)
{
    tpm_tick(now);
    measure_tick();
    seed_tick();
}

/* Acts on what has arrived and sends what comes of it. True: it is over; else *deadline is when
 * to act again at the latest. */
static bool act(uint64_t *deadline)
{
    struct endpoint_event event;
    uint64_t app;
    bool over;

    do {
        while (endpoint_next_event(&event))
            route(&event);
        uint64_t now = platform_now_ns();
        client_tick(now); /* first: the others ask what became of theirs */
        tick_tpm(now);    /* likewise */
        session_tick(now);
        vcom_server_tick(now);
        job_tick();
        bandsox_tick(now);
        notify_tick(now);
        over = is_over(); /* it may begin something: before deadlines are asked for, and flush */
        app = app_poll(now);
    } while (endpoint_flush());
    app = earlier(earlier(app, tpm_deadline()), vcom_server_deadline());
    app = earlier(app, earlier(job_deadline(), bandsox_deadline()));
    *deadline =
        earlier(earlier(app, client_deadline()), earlier(session_deadline(), notify_deadline()));
    return over;
}

/* Serves until it is over. */
static int serve(void)
{
    uint64_t deadline;

    for (;;) {
        if (endpoint_poll() != MOTE_OK)
            return EXIT_BROKEN;
        if (act(&deadline))
            return app_status();
        sleep_until_needed(deadline);
    }
}

/* Nobody is served any more; what is on its way still leaves. */
static void let_leave(void)
{
    struct endpoint_event event;

    do
        while (endpoint_next_event(&event))
            if (event.type == ENDPOINT_REQUESTED)
                endpoint_close(event.conn);
    while (endpoint_flush());
}

/* Lets the answers leave and the peers see an orderly end; secrets do not outlive us. */
static void finish(void)
{
    uint64_t deadline = platform_now_ns() + LINGER_NS;

    bandsox_stop();
    store_wipe();
    endpoint_unlisten(STEREOS_PORT);
    endpoint_unlisten(VCOM_PORT);
    endpoint_close_all();
    let_leave();
    while ((!tpm_end_use() || endpoint_connections() != 0) && platform_now_ns() < deadline) {
        sleep_until_needed(earlier(deadline, tpm_deadline()));
        tpm_tick(platform_now_ns());
        if (endpoint_poll() != MOTE_OK)
            return;
        let_leave();
    }
}

int main(void)
{
    int status = start();

    if (status != EXIT_OK)
        return status;
    status = serve();
    finish();
    return status;
}
