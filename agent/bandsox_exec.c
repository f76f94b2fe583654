/* SPDX-License-Identifier: MIT */
/*
 * Commands of a Bandsox host, and what it says to them while they run. `exit` comes when a
 * command has ended and everything that it wrote was sent; what it left behind is heard for a
 * moment longer, but never waited for.
 */
#include "agent/bandsox_operation.h"
#include "platform/command.h"
#include "platform/platform.h"
#include "proto/base64.h"

#define NEVER UINT64_MAX

#define OUTPUT_PIECE   4096
#define TERMINAL_PIECE 1024
#define OUTPUT_MAX     UINT64_C(4194304) /* of a stream; what is more is thrown away and told of */

#define KILL_NS    UINT64_C(500000000) /* from SIGTERM to SIGKILL */
#define LEFT_NS    UINT64_C(500000000) /* for what a command left behind with its output open */
#define INPUT_NS   UINT64_C(20000000)  /* between attempts to write what was not taken */
#define INPUT_MAX  65536 /* bytes of input that wait for a command that does not read */
#define ENV_BYTES  131072
#define TEXT_BYTES (COMMAND_TEXT_MAX + 1)

_Static_assert(COMMANDS_MAX >= BANDSOX_OPERATIONS_MAX, "each may have one");
_Static_assert(BANDSOX_OUT >= OUTPUT_PIECE * 4 / 3 + BANDSOX_ID_MAX * 6 + BANDSOX_OUTPUT_FRAME,
               "an output event");

/* What was said to a command, and it has not taken. */
static char pending[BANDSOX_OPERATIONS_MAX][INPUT_MAX];

/* An output on its way to an event, and what a new command is made of. Nothing stays here. */
static char piece[OUTPUT_PIECE], text[TEXT_BYTES], env_text[ENV_BYTES];
static const char *env[COMMAND_ENV_MAX + 1];

static bandsox_move say_started, run, say_truncated, upload_output, write_kept, say_end;

static bool is_command(const struct bandsox_operation *op)
{
    return op->step == run || op->step == say_started;
}

/* --- begin --- */

/* NAME=VALUE of all variables, to o; false: there are too many. */
static bool take_env(struct json_raw variables, struct out *o)
{
    struct text name, value;
    size_t count = 0;

    while (bandsox_next_variable(&variables, &name, &value)) {
        if (count == COMMAND_ENV_MAX)
            return false;
        env[count++] = o->base + o->len;
        out_text(o, name);
        out_str(o, "=");
        out_text(o, value);
        out_bytes(o, "", 1);
    }
    env[count] = NULL;
    return !o->overflow;
}

static void begin_running(struct bandsox_operation *op, const struct bandsox_order *r)
{
    op->running = (struct bandsox_running){.kill_at = NEVER,
                                           .over_at = NEVER,
                                           .is_pty = r->verb == BANDSOX_PTY_EXEC,
                                           .has_input = r->background,
                                           .is_held = r->use_vsock_output && !r->background};
    op->running.has_input |= op->running.is_pty;
    op->running.is_held &= !op->running.is_pty;
    op->step = op->running.has_input ? say_started : run;
}

void bandsox_exec(struct bandsox_operation *op, const struct bandsox_order *r)
{
    const struct command_request request = {.text = text,
                                            .env = env,
                                            .has_input = r->background,
                                            .is_terminal = r->verb == BANDSOX_PTY_EXEC,
                                            .cols = (uint16_t)r->cols,
                                            .rows = (uint16_t)r->rows};
    const char *fault = "argument list too long";
    struct out variables = out_to(env_text, sizeof env_text);
    bool fits = text_fits(r->command, COMMAND_TEXT_MAX) && take_env(r->env, &variables);
    size_t len = fits ? text_copy(r->command, text, COMMAND_TEXT_MAX) : 0;

    text[len] = '\0';
    if (!fits || command_start(bandsox_number(op), &request, &fault) != MOTE_OK)
        bandsox_fail(op, "fork/exec /bin/sh: %s", fault);
    else
        begin_running(op, r);
    explicit_bzero(env_text, variables.len);
    explicit_bzero(text, len);
}

static bool say_started(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);

    (void)now;
    bandsox_write_started(&o, bandsox_id(op),
                          op->running.is_pty ? 0 : command_pid(bandsox_number(op)));
    if (!bandsox_say(op, &o, false))
        return false;
    op->step = run;
    return true;
}

/* --- while it runs --- */

/* What a read gave; beyond the limit it is thrown away. */
static void take_output(struct bandsox_operation *op, enum bandsox_stream stream, size_t n)
{
    struct bandsox_running *r = &op->running;
    uint64_t room = r->is_pty ? n : OUTPUT_MAX - r->sent[stream];
    size_t kept = n < room ? n : (size_t)room;
    struct out o = bandsox_event(op);

    r->truncated[stream] |= kept < n;
    if (r->is_held && kept != 0 &&
        command_keep(bandsox_number(op), (enum command_stream)stream, piece, kept) != MOTE_OK) {
        r->truncated[stream] = true;
        return;
    }
    if (!r->is_held && kept != 0) {
        bandsox_write_output(&o, bandsox_id(op), stream, piece, kept);
        bandsox_say(op, &o, false);
    }
    r->sent[stream] += r->is_pty ? 0 : kept;
}

static bool has_room(const struct bandsox_operation *op)
{
    struct out o = bandsox_event(op);

    return op->running.is_held ||
           (!o.overflow &&
            o.cap >= base64_size(OUTPUT_PIECE) + BANDSOX_ID_MAX * 6 + BANDSOX_OUTPUT_FRAME);
}

/* True: it had something to say. */
static bool read_output(struct bandsox_operation *op, enum bandsox_stream stream, bool *ended)
{
    size_t cap = op->running.is_pty ? TERMINAL_PIECE : OUTPUT_PIECE;

    if (!has_room(op)) {
        *ended = false;
        return false;
    }
    long n = command_read(bandsox_number(op), (enum command_stream)stream, piece, cap);
    *ended &= n < 0;
    if (n <= 0)
        return false;
    take_output(op, stream, (size_t)n);
    explicit_bzero(piece, (size_t)n);
    return true;
}

static void give_input(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_running *r = &op->running;
    char *bytes = pending[bandsox_number(op)];
    const char *fault;
    long n;

    if (r->pending == 0)
        return;
    n = command_write(bandsox_number(op), bytes, r->pending, &fault);
    n = n < 0 ? (long)r->pending : n; /* it has ended its input: nobody is left to be told */
    r->pending -= (size_t)n;
    memmove(bytes, bytes + n, r->pending);
    explicit_bzero(bytes + r->pending, (size_t)n);
    if (r->pending != 0 && now + INPUT_NS < op->deadline)
        op->deadline = now + INPUT_NS;
}

static void kill_in_time(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_running *r = &op->running;

    if (now >= r->kill_at) {
        command_signal(bandsox_number(op), true);
        r->kill_at = NEVER;
    }
    op->deadline = r->kill_at < r->over_at ? r->kill_at : r->over_at;
}

/* Whether all of it is over: it has ended, its output was read, and nobody else can write there,
 * or had the time to. */
static bool is_over(struct bandsox_operation *op, bool outputs_ended, uint64_t now)
{
    struct bandsox_running *r = &op->running;

    if (!command_ended(bandsox_number(op), &op->code))
        return false;
    if (r->over_at == NEVER)
        r->over_at = op->deadline = now + LEFT_NS;
    return outputs_ended || (now >= r->over_at && command_is_read(bandsox_number(op)));
}

static bool run(struct bandsox_operation *op, uint64_t now)
{
    bool outputs_ended = true;

    kill_in_time(op, now);
    give_input(op, now);
    bool any = read_output(op, BANDSOX_STDOUT, &outputs_ended);
    any |= read_output(op, BANDSOX_STDERR, &outputs_ended);
    if (!is_over(op, outputs_ended, now))
        return any;
    op->deadline = NEVER;
    op->running.stream = BANDSOX_STDOUT;
    op->step = op->running.is_held ? upload_output : say_truncated;
    return true;
}

/* --- end --- */

static long read_kept(void *arg, uint64_t offset, void *buf, size_t n)
{
    const struct bandsox_operation *op = arg;

    return command_kept(bandsox_number(op), (enum command_stream)op->running.stream, offset, buf,
                        n);
}

static void close_kept(void *arg)
{
    (void)arg; /* it may be wanted again */
}

static const char *fault_of_kept(void *arg)
{
    (void)arg;
    return "cannot be read again";
}

static void next_stream(struct bandsox_operation *op)
{
    struct bandsox_running *r = &op->running;

    r->at = 0;
    op->step = r->stream == BANDSOX_STDOUT ? upload_output : say_truncated;
    r->stream = r->stream == BANDSOX_STDOUT ? BANDSOX_STDERR : BANDSOX_STDOUT;
}

static bool upload_output(struct bandsox_operation *op, uint64_t now)
{
    static const struct transfer_ends ends = {
        .read = read_kept, .close = close_kept, .fault = fault_of_kept};
    struct bandsox_running *r = &op->running;
    char id[BANDSOX_ID_MAX + sizeof ":stdout"];
    struct out o = out_to(id, sizeof id);

    out_bytes(&o, op->id, op->id_len);
    out_str(&o, r->stream == BANDSOX_STDOUT ? ":stdout" : ":stderr");
    const struct transfer_request request = {.kind = TRANSFER_UPLOAD,
                                             .path = {"<bytes>", 7},
                                             .cmd_id = {id, o.len},
                                             .port = op->port,
                                             .ends = &ends,
                                             .arg = op,
                                             .size = r->sent[r->stream]};
    enum bandsox_transfer result = bandsox_transfer(op, &request, now);
    if (result == BANDSOX_MOVING)
        return false;
    r->uploads.attempted = true;
    r->uploads.done[r->stream] = result == BANDSOX_MOVED;
    if (result == BANDSOX_MOVED)
        next_stream(op);
    else
        op->step = write_kept;
    return true;
}

/* What could not be uploaded, by events. */
static bool write_kept(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_running *r = &op->running;
    struct out o = bandsox_event(op);

    (void)now;
    if (o.overflow || o.cap < base64_size(sizeof piece) + BANDSOX_ID_MAX * 6 + BANDSOX_OUTPUT_FRAME)
        return false;
    long n = read_kept(op, r->at, piece, sizeof piece);
    if (n <= 0) {
        next_stream(op);
        return true;
    }
    r->at += (uint64_t)n;
    bandsox_write_output(&o, bandsox_id(op), r->stream, piece, (size_t)n);
    explicit_bzero(piece, (size_t)n);
    return bandsox_say(op, &o, false);
}

static bool say_truncated(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_running *r = &op->running;

    (void)now;
    for (int i = BANDSOX_STDOUT; i <= BANDSOX_STDERR; i++) {
        struct out o = bandsox_event(op);
        if (!r->truncated[i])
            continue;
        bandsox_write_truncated(&o, bandsox_id(op), (enum bandsox_stream)i, r->sent[i]);
        if (!bandsox_say(op, &o, false))
            return false;
        r->truncated[i] = false;
    }
    op->step = say_end;
    return true;
}

static bool say_end(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_running *r = &op->running;
    struct out o = bandsox_event(op);

    (void)now;
    if (r->is_held)
        bandsox_write_exit_uploads(&o, bandsox_id(op), op->code, &r->uploads);
    else
        bandsox_write_exit(&o, bandsox_id(op), op->code);
    if (!bandsox_say(op, &o, false))
        return false;
    explicit_bzero(pending[bandsox_number(op)], r->pending);
    command_free(bandsox_number(op));
    return bandsox_leave(op);
}

/* --- what the host says meanwhile --- */

static const char no_room[] = "write failed: resource temporarily unavailable";

static const char *queue(struct bandsox_operation *op, const char *bytes, size_t n)
{
    struct bandsox_running *r = &op->running;

    if (n > INPUT_MAX - r->pending)
        return no_room;
    memcpy(pending[bandsox_number(op)] + r->pending, bytes, n);
    r->pending += n;
    op->deadline = 0; /* now */
    return NULL;
}

/* Of n digits in text, which become bytes where they are. */
static const char *queue_base64(struct bandsox_operation *op, size_t n)
{
    static char error[80];
    struct base64_decoder d = {0};
    struct out o = out_to(error, sizeof error - 1);

    long size = base64_decode(&d, text, n, text);
    if (size >= 0 && base64_end(&d))
        return queue(op, text, (size_t)size);
    out_str(&o, "base64 decode failed: illegal base64 data at input byte ");
    out_u64(&o, d.at);
    error[o.len] = '\0';
    return error;
}

const char *bandsox_input(const struct bandsox_order *r)
{
    struct bandsox_operation *op = bandsox_find(r->id);

    if (op == NULL || !is_command(op))
        return "Session not found";
    if (!op->running.has_input)
        return "Session stdin not available";
    if (!text_fits(r->data, sizeof text - 4)) /* what is decoded has some room more */
        return no_room;
    size_t n = text_copy(r->data, text, sizeof text - 4);
    const char *error =
        text_equals(r->encoding, "base64") ? queue_base64(op, n) : queue(op, text, n);
    explicit_bzero(text, n);
    return error;
}

void bandsox_resize(const struct bandsox_order *r)
{
    struct bandsox_operation *op = bandsox_find(r->id);

    if (op != NULL && is_command(op) && op->running.is_pty)
        command_resize(bandsox_number(op), (uint16_t)r->cols, (uint16_t)r->rows);
}

void bandsox_kill(const struct bandsox_order *r)
{
    struct bandsox_operation *op = bandsox_find(r->id);

    if (op == NULL || !is_command(op))
        return;
    command_signal(bandsox_number(op), false);
    if (op->running.kill_at == NEVER) {
        op->running.kill_at = platform_now_ns() + KILL_NS;
        op->deadline = op->running.kill_at;
    }
}

void bandsox_end_all(void)
{
    for (unsigned i = 0; i < BANDSOX_OPERATIONS_MAX; i++)
        if (is_command(bandsox_operation(i)))
            command_end(i);
}
