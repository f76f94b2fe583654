/* SPDX-License-Identifier: MIT */
/*
 * The application of the test image: does on purpose what must end the guest, reports
 * agents, and dials the host, as its command line says.
 *
 *   test.fault=NAME     a row of the table below
 *   test.cycles=1       prints the time stamp counter, which started at power-on
 *   test.agents=1       an agent that runs, then (one second later) fails
 *   test.status=N       at shutdown, works on for a second, then stops with status N
 *   test.echo=PORT      connects to the host's PORT and sends back what comes
 *   test.move=BYTES     gets so many from a Bandsox host, in both ways, and gives them to it
 */
#include "agent/app.h"
#include "agent/health.h"
#include "agent/transfer.h"
#include "platform/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct message app_messages[1]; /* there is none, but an array can't be empty */
const size_t app_message_count = 0;

static uint64_t fail_at = UINT64_MAX; /* when the test agent breaks */
static uint64_t stop_at = UINT64_MAX; /* when it has nothing more to finish */
static int status;

static void fault_null(void)
{
    volatile uintptr_t at = 8; /* the compiler must not see what this is */
    *(volatile int *)at = 1;
}

static void fault_write_text(void)
{
    *(volatile uint8_t *)(uintptr_t)fault_null = 0xc3;
}

static void fault_write_rodata(void)
{
    volatile uintptr_t at = (uintptr_t) "read only";
    *(volatile char *)at = 'w';
}

static void fault_execute_data(void)
{
    static uint8_t code[] = {0xc3}; /* ret */
    void (*run)(void);
    uintptr_t at = (uintptr_t)code;
    memcpy(&run, &at, sizeof run);
    run();
}

static void fault_execute_stack(void)
{
    volatile uint8_t code[16] = {0xc3};
    void (*run)(void);
    uintptr_t at = (uintptr_t)code;
    memcpy(&run, &at, sizeof run);
    run();
}

/* Not a recursion, which the compiler may turn into a loop: just walk down the stack. */
static void fault_stack_guard(void)
{
    volatile uint8_t here;
    uintptr_t at = (uintptr_t)&here;
    for (int i = 0; i < 64; i++, at -= 512)
        *(volatile uint8_t *)at = 0;
}

static void fault_undefined(void)
{
    __asm__ volatile("ud2");
}

static void fault_divide(void)
{
    volatile int zero = 0, one = 1;
    one = one / zero;
}

static void fault_canary(void)
{
    volatile char small[8];
    volatile char *p = small;
    for (int i = 0; i < 64; i++)
        p[i] = 'x';
}

static void fault_panic(void)
{
    PANIC("on purpose");
}

static const struct {
    const char *name;
    void (*commit)(void);
} faults[] = {
    {"null", fault_null},
    {"write-text", fault_write_text},
    {"write-rodata", fault_write_rodata},
    {"execute-data", fault_execute_data},
    {"execute-stack", fault_execute_stack},
    {"stack-guard", fault_stack_guard},
    {"undefined", fault_undefined},
    {"divide", fault_divide},
    {"canary", fault_canary},
    {"panic", fault_panic},
};

static void commit_fault(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (strlen(faults[i].name) != len || memcmp(faults[i].name, name, len) != 0)
            continue;
        faults[i].commit();
        printf("test: the fault %s had no effect\n", faults[i].name);
    }
}

static void print_cycles(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    printf("test: cycles=%llu\n", (unsigned long long)hi << 32 | lo);
}

/* --- what is moved: no file, and nothing that is kept --- */

#define PERIOD 4093 /* of the bytes: no size of a packet, a window or a chunk */

static uint64_t to_move;
static int moves; /* that were begun */
static bool is_same = true;

static char byte_at(uint64_t offset)
{
    uint32_t i = (uint32_t)(offset % PERIOD);

    return (char)(i * 7 + i / 251);
}

static long give(void *arg, uint64_t offset, void *buf, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        ((char *)buf)[i] = byte_at(offset + i);
    return (long)n;
}

static int compare(void *arg, uint64_t offset, const void *buf, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        is_same &= ((const char *)buf)[i] == byte_at(offset + i);
    return is_same ? MOTE_OK : MOTE_ERR_INVALID;
}

static int keep(void *arg)
{
    (void)arg;
    return MOTE_OK;
}

static void leave(void *arg)
{
    (void)arg;
}

static const char *why(void *arg)
{
    (void)arg;
    return "other bytes";
}

static struct client *move(enum transfer_kind kind)
{
    static const struct transfer_ends ends = {give, compare, keep, leave, why};
    static char text[128];
    struct out error = out_to(text, sizeof text - 1);
    struct bytes name = {"moved", 5};

    struct client *c = transfer_begin(&(struct transfer_request){.kind = kind,
                                                                 .path = name,
                                                                 .cmd_id = name,
                                                                 .ends = &ends,
                                                                 .size = to_move,
                                                                 .checksum = true},
                                      &error);
    if (c == NULL)
        printf("test: %s\n", text);
    return c;
}

/* The next transfer when the one before has ended. */
static void move_on(void)
{
    static const enum transfer_kind kinds[] = {TRANSFER_DOWNLOAD, TRANSFER_DOWNLOAD_RAW,
                                               TRANSFER_UPLOAD};
    static struct client *moving;
    static char text[128];

    if (moving != NULL && moving->status == CLIENT_RUNNING)
        return;
    if (moving != NULL) {
        struct out o = out_to(text, sizeof text);
        moving->protocol->report(moving, &o);
        printf("test: moved: %.*s%.*s\n", (int)moving->error_len, moving->error, (int)o.len, text);
        client_free(moving);
        moving = NULL;
    }
    if (to_move != 0 && (size_t)moves < sizeof kinds / sizeof kinds[0])
        moving = move(kinds[moves++]);
}

void app_start(void)
{
    size_t len;
    const char *value;

    if ((value = platform_option("test.cycles", NULL, &len)) != NULL)
        print_cycles();
    if ((value = platform_option("test.fault", NULL, &len)) != NULL)
        commit_fault(value, len);
    if (platform_option("test.agents", NULL, &len) != NULL) {
        health_report("worker", true, NULL, NULL);
        fail_at = platform_now_ns() + UINT64_C(1000000000);
    }
    if ((value = platform_option("test.status", NULL, &len)) != NULL)
        status = (int)strtoul(value, NULL, 10);
    if ((value = platform_option("test.echo", NULL, &len)) != NULL)
        endpoint_connect(ENDPOINT_CID_HOST, (uint32_t)strtoul(value, NULL, 10));
    if ((value = platform_option("test.move", NULL, &len)) != NULL)
        to_move = strtoul(value, NULL, 10);
}

uint64_t app_poll(uint64_t now)
{
    move_on();
    if (now >= fail_at) {
        fail_at = UINT64_MAX;
        health_report("worker", false, NULL, "worker broke on purpose");
    }
    return stop_at > now && stop_at < fail_at ? stop_at : fail_at;
}

bool app_stopped(void)
{
    uint64_t now = platform_now_ns();

    if (status == EXIT_OK)
        return true;
    if (stop_at == UINT64_MAX) {
        stop_at = now + UINT64_C(1000000000);
        printf("test: stops in a second\n");
    }
    return now >= stop_at;
}

int app_status(void)
{
    return status;
}

/* Sends back as much as there is room for; the rest waits for room. */
static void echo(int conn)
{
    const char *data;
    char *space;
    uint32_t n, room;

    while ((n = endpoint_peek(conn, &data)) != 0 &&
           (room = endpoint_reserve(conn, 1, &space)) != 0) {
        n = n < room ? n : room;
        memcpy(space, data, n);
        endpoint_send(conn, n);
        endpoint_consume(conn, n);
    }
}

void app_event(const struct endpoint_event *event)
{
    static bool peer_done;
    const char *data;

    if (event->type == ENDPOINT_TRANSPORT_RESET) {
        printf("test: told of a transport reset, CID %llu\n", (unsigned long long)endpoint_cid());
        return;
    }
    if (event->type == ENDPOINT_RESET) {
        printf("test: echo ended with error %d\n", event->error);
        endpoint_close(event->conn);
        return;
    }
    peer_done |= event->type == ENDPOINT_CLOSED;
    echo(event->conn);
    if (peer_done && endpoint_peek(event->conn, &data) == 0)
        endpoint_close(event->conn);
}
