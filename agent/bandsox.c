/* SPDX-License-Identifier: MIT */
/*
 * The serial line of a Bandsox host: requests come in, events go out, and operations are what is
 * under way. The reader never waits for the writer: a host that writes a long request while we
 * write a long event would hold both up (2.6).
 */
#include "agent/bandsox.h"

#include "agent/bandsox_operation.h"
#include "platform/platform.h"
#include "platform/serial.h"
#include "proto/line.h"

#include <stdarg.h>
#include <stdio.h>

#define NEVER UINT64_MAX

/* One turn of the loop is not to be held longer than that. */
#define ROUNDS_MAX 16
#define STEPS_MAX  32

/* A transfer that fails before anything moved is begun again so often: a host that is told to
 * read the serial form instead may wait for a minute (2.6). */
#define TRIES_MAX    5
#define TRY_AGAIN_NS UINT64_C(100000000)

/* So often one asks for a file while too many are open, and in such intervals. */
#define WAITS_MAX 500
#define WAIT_NS   UINT64_C(10000000)

#define REFUSAL_MAX (BANDSOX_ID_MAX * 6 + 512)

static bool is_open;
static bool is_busy; /* there was more to do than in one turn */

/* What has come and was not dealt with: the rest of a line. */
static char in[BANDSOX_LINE_MAX + 1];
static size_t in_len;
static struct line_reader reader;

static char out[BANDSOX_OUT];
static size_t out_at, out_len;                  /* what is to leave: from out_at on */
static const struct bandsox_operation *speaker; /* in the middle of an event */

static struct bandsox_operation operations[BANDSOX_OPERATIONS_MAX];

/* What is said to a request that is no operation. Until it is, no other is looked at. */
static char refusal[REFUSAL_MAX];
static size_t refusal_len;

static struct out free_room(void)
{
    if (out_at > 0) {
        memmove(out, out + out_at, out_len - out_at);
        out_len -= out_at;
        out_at = 0;
    }
    return out_to(out + out_len, sizeof out - out_len);
}

struct out bandsox_event(const struct bandsox_operation *op)
{
    return speaker == NULL || speaker == op ? free_room() : (struct out){.overflow = true};
}

bool bandsox_say(const struct bandsox_operation *op, const struct out *o, bool unfinished)
{
    if (o->overflow)
        return false;
    out_len += o->len;
    speaker = unfinished ? op : NULL;
    return true;
}

bool bandsox_leave(struct bandsox_operation *op)
{
    if (op->transfer != NULL)
        client_free(op->transfer);
    explicit_bzero(op, sizeof *op);
    return false;
}

static bool say_exit(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);

    (void)now;
    bandsox_write_exit(&o, bandsox_id(op), op->code);
    return bandsox_say(op, &o, false) && bandsox_leave(op);
}

static bool say_error(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);

    (void)now;
    bandsox_write_error(&o, bandsox_id(op), (struct bytes){op->error, op->error_len});
    if (!bandsox_say(op, &o, false))
        return false;
    bandsox_finish(op, 1);
    return true;
}

void bandsox_finish(struct bandsox_operation *op, int code)
{
    op->code = code;
    op->step = say_exit;
}

static void set_error(struct bandsox_operation *op, const char *text, size_t n)
{
    op->error_len = n < sizeof op->error ? n : sizeof op->error;
    memcpy(op->error, text, op->error_len);
}

void bandsox_fail(struct bandsox_operation *op, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(op->error, sizeof op->error, format, arguments);
    va_end(arguments);
    op->error_len = strlen(op->error);
    op->step = say_error;
}

void bandsox_fail_transfer(struct bandsox_operation *op)
{
    op->step = say_error;
}

void bandsox_fail_file(struct bandsox_operation *op)
{
    struct file_fault fault = file_fault();

    bandsox_fail(op, "%s %.*s: %s", fault.step, (int)op->path_len, op->path, fault.why);
}

bool bandsox_waits(struct bandsox_operation *op, int result, uint64_t now)
{
    if (result == MOTE_ERR_NO_RESOURCES && op->tries < WAITS_MAX) {
        op->tries++;
        op->deadline = now + WAIT_NS;
        return true;
    }
    op->tries = 0;
    op->deadline = NEVER;
    return false;
}

unsigned bandsox_number(const struct bandsox_operation *op)
{
    return (unsigned)(op - operations);
}

struct bandsox_operation *bandsox_operation(unsigned number)
{
    return &operations[number];
}

struct bandsox_operation *bandsox_find(struct text id)
{
    for (size_t i = 0; i < BANDSOX_OPERATIONS_MAX; i++)
        if (operations[i].step != NULL &&
            text_equals_bytes(id, operations[i].id, operations[i].id_len))
            return &operations[i];
    return NULL;
}

static enum bandsox_transfer try_again(struct bandsox_operation *op, uint64_t now)
{
    op->deadline = NEVER;
    if (++op->tries >= TRIES_MAX) {
        op->tries = 0;
        return BANDSOX_FAILED;
    }
    op->deadline = now + TRY_AGAIN_NS;
    return BANDSOX_MOVING;
}

/* Whether others of ours have one: then there may only be no place for another now. */
static bool is_moving_any(void)
{
    for (size_t i = 0; i < BANDSOX_OPERATIONS_MAX; i++)
        if (operations[i].transfer != NULL)
            return true;
    return false;
}

static enum bandsox_transfer start_transfer(struct bandsox_operation *op,
                                            const struct transfer_request *request, uint64_t now)
{
    struct out error = out_to(op->error, sizeof op->error);

    if (now < op->deadline && op->deadline != NEVER)
        return BANDSOX_MOVING;
    op->deadline = NEVER;
    op->transfer = transfer_begin(request, &error);
    if (op->transfer != NULL)
        return BANDSOX_MOVING;
    op->error_len = error.len;
    op->tries -= is_moving_any();
    return try_again(op, now);
}

enum bandsox_transfer bandsox_transfer(struct bandsox_operation *op,
                                       const struct transfer_request *request, uint64_t now)
{
    struct client *c = op->transfer;

    if (c == NULL)
        return start_transfer(op, request, now);
    if (c->status == CLIENT_RUNNING)
        return BANDSOX_MOVING;
    bool again = c->status == CLIENT_FAILED && transfer_moved(c) == 0;
    bool done = c->status == CLIENT_DONE;
    op->moved = transfer_moved(c);
    if (!done)
        set_error(op, c->error, c->error_len);
    client_free(c);
    op->transfer = NULL;
    if (again)
        return try_again(op, now);
    op->tries = 0;
    return done ? BANDSOX_MOVED : BANDSOX_FAILED;
}

static bool say_uploaded(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);

    (void)now;
    bandsox_write_uploaded(&o, bandsox_id(op), op->moved);
    if (!bandsox_say(op, &o, false))
        return false;
    bandsox_finish(op, 0);
    return true;
}

bool bandsox_upload(struct bandsox_operation *op, const struct transfer_request *request,
                    uint64_t now, void (*otherwise)(struct bandsox_operation *op))
{
    enum bandsox_transfer result = bandsox_transfer(op, request, now);

    if (result == BANDSOX_MOVED)
        op->step = say_uploaded;
    else if (result == BANDSOX_FAILED)
        otherwise(op);
    return result != BANDSOX_MOVING;
}

/* Says no to a request that is no operation. */
static void refuse(const struct bandsox_order *r, const char *error)
{
    char id[BANDSOX_ID_MAX];
    struct bytes name = {id, text_copy(r->id, id, sizeof id)};
    struct out o = out_to(refusal, sizeof refusal);

    bandsox_write_error(&o, name, (struct bytes){error, strlen(error)});
    if (bandsox_has_exit(r->verb))
        bandsox_write_exit(&o, name, 1);
    refusal_len = o.len;
}

static bool say_refusal(void)
{
    struct out o = bandsox_event(NULL);

    out_bytes(&o, refusal, refusal_len);
    if (refusal_len == 0 || !bandsox_say(NULL, &o, false))
        return false;
    refusal_len = 0;
    return true;
}

typedef void begin_function(struct bandsox_operation *op, const struct bandsox_order *r);

static begin_function *const beginnings[] = {
    [BANDSOX_EXEC] = bandsox_exec,
    [BANDSOX_PTY_EXEC] = bandsox_exec,
    [BANDSOX_READ_FILE] = bandsox_read_file,
    [BANDSOX_WRITE_FILE] = bandsox_write_content,
    [BANDSOX_WRITE_TEXT] = bandsox_write_content,
    [BANDSOX_WRITE_FILE_VSOCK] = bandsox_write_by_vsock,
    [BANDSOX_LIST_DIR] = bandsox_list_dir,
    [BANDSOX_FILE_INFO] = bandsox_file_info,
};

static void begin_operation(const struct bandsox_order *r, begin_function *beginning)
{
    struct bandsox_operation *op = operations;

    while (op < operations + BANDSOX_OPERATIONS_MAX && op->step != NULL)
        op++;
    if (op == operations + BANDSOX_OPERATIONS_MAX) {
        refuse(r, "too many requests at once: limit is " BANDSOX_STRING(BANDSOX_OPERATIONS_MAX));
        return;
    }
    if (!text_fits(r->id, sizeof op->id) || !text_fits(r->path, sizeof op->path)) {
        refuse(r, "id or path too long: limits are " BANDSOX_STRING(
                      BANDSOX_ID_MAX) " and " BANDSOX_STRING(BANDSOX_PATH_MAX) " bytes");
        return;
    }
    op->id_len = text_copy(r->id, op->id, sizeof op->id);
    op->path_len = text_copy(r->path, op->path, sizeof op->path);
    op->port = r->vsock_port;
    op->deadline = NEVER;
    beginning(op, r);
}

static void dispatch(const struct bandsox_order *r)
{
    const char *error = NULL;

    if (r->verb == BANDSOX_INPUT)
        error = bandsox_input(r);
    else if (r->verb == BANDSOX_RESIZE)
        bandsox_resize(r);
    else if (r->verb == BANDSOX_KILL)
        bandsox_kill(r);
    else if (r->verb != BANDSOX_UNKNOWN)
        begin_operation(r, beginnings[r->verb]);
    else if (r->command.json_len != 0) /* as old hosts send one (2.3) */
        begin_operation(r, bandsox_exec);
    if (error != NULL)
        refuse(r, error);
}

static void take_line(const struct line *line)
{
    char text[160];
    struct out error = out_to(text, sizeof text - 1);
    struct bandsox_order r;
    enum bandsox_line kind = bandsox_read(line->text, line->len, &r, &error);

    text[error.len] = '\0';
    if (kind == BANDSOX_REQUEST)
        dispatch(&r);
    else if (kind == BANDSOX_REFUSE)
        refuse(&r, text);
}

static void take_start(const struct line *line)
{
    struct bandsox_order r;

    if (bandsox_peek(line->text, line->len, &r))
        refuse(&r, "request too long: limit is " BANDSOX_STRING(BANDSOX_LINE_MAX) " bytes");
}

static void drop_input(size_t n)
{
    if (n == 0)
        return;
    explicit_bzero(in, n); /* it may have held a file */
    memmove(in, in + n, in_len - n);
    explicit_bzero(in + in_len - n, n);
    in_len -= n;
}

/* Deals with the lines that are there. True: with one at least. */
static bool take_lines(void)
{
    struct line line;
    enum line_result result = LINE_FOUND;
    size_t done = 0;

    while (refusal_len == 0 && result != LINE_NONE) {
        result = line_next(&reader, in + done, in_len - done, BANDSOX_LINE_MAX, false, &line);
        if (result == LINE_FOUND)
            take_line(&line);
        else if (result == LINE_TOO_LONG)
            take_start(&line);
        done += line.consumed;
    }
    drop_input(done);
    return done > 0;
}

static bool take_input(void)
{
    size_t n = serial_read(in + in_len, sizeof in - in_len);

    in_len += n;
    return take_lines() || n > 0;
}

static bool step(struct bandsox_operation *op, uint64_t now)
{
    bool any = false;

    for (int i = 0; i < STEPS_MAX && op->step != NULL; i++) {
        if (!op->step(op, now))
            return any || op->step == NULL;
        any = true;
    }
    return any;
}

/* Each in its turn begins, so that none has the line for itself. */
static bool step_all(uint64_t now)
{
    static unsigned first;
    bool any = false;

    first++;
    for (unsigned i = 0; i < BANDSOX_OPERATIONS_MAX; i++) {
        struct bandsox_operation *op = &operations[(first + i) % BANDSOX_OPERATIONS_MAX];
        if (op->step != NULL && step(op, now))
            any = true;
    }
    return any;
}

static bool give_output(void)
{
    size_t n = out_len > out_at ? serial_write(out + out_at, out_len - out_at) : 0;

    out_at += n;
    return n > 0;
}

void bandsox_tick(uint64_t now)
{
    is_busy = is_open;
    for (int i = 0; is_busy && i < ROUNDS_MAX; i++) {
        is_busy = take_input();
        is_busy |= say_refusal();
        is_busy |= step_all(now);
        is_busy |= give_output();
    }
}

uint64_t bandsox_deadline(void)
{
    if (!is_open)
        return NEVER;
    uint64_t now = platform_now_ns();
    if (is_busy)
        return now;
    uint64_t soonest = serial_deadline(now);
    for (size_t i = 0; i < BANDSOX_OPERATIONS_MAX; i++)
        if (operations[i].step != NULL && operations[i].deadline < soonest)
            soonest = operations[i].deadline;
    return soonest;
}

int bandsox_start(void)
{
    size_t len;
    const char *name = platform_last_option("mote.bandsox", &len);
    struct out o = free_room();

    if (name == NULL)
        return MOTE_OK;
    if (serial_open((struct bytes){name, len}) != MOTE_OK) {
        printf("mote: mote.bandsox=%.*s: no such serial line\n", (int)len, name);
        return MOTE_ERR_INVALID;
    }
    is_open = true;
    bandsox_write_ready(&o);
    return bandsox_say(NULL, &o, false) ? MOTE_OK : MOTE_ERR_NO_ROOM;
}

void bandsox_stop(void)
{
    if (is_open)
        bandsox_end_all();
}
