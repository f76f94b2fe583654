/* SPDX-License-Identifier: MIT */
/*
 * The parts of agent/bandsox*.c to each other. A request becomes an operation: a small state
 * machine whose state is the function that goes on with it. It says what it has to say by
 * events, each of which is written whole, or begun and ended with nothing of others between.
 */
#ifndef AGENT_BANDSOX_OPERATION_H
#define AGENT_BANDSOX_OPERATION_H

#include "agent/transfer.h"
#include "platform/file.h"
#include "proto/bandsox_serial.h"

#include <bearssl.h>

#define BANDSOX_STRING_OF(x) #x
#define BANDSOX_STRING(x)    BANDSOX_STRING_OF(x)

/* Requests at once: what is sent one after the other, and a few that take long. */
#ifndef BANDSOX_OPERATIONS_MAX
#define BANDSOX_OPERATIONS_MAX 8
#endif

#define BANDSOX_ID_MAX 64 /* a UUID has 36 */

/* A path; on bare metal it is a name of the store. */
#ifndef BANDSOX_PATH_MAX
#define BANDSOX_PATH_MAX 255
#endif

#define BANDSOX_ERROR_MAX (BANDSOX_PATH_MAX + 128) /* a path, and what is said of it */

/* Bytes of a file that are read, or of an output that are written, in one go. */
#ifndef BANDSOX_PIECE
#define BANDSOX_PIECE 1536
#endif

/* What is to be said and has not left. The longest event that comes whole must fit. */
#ifndef BANDSOX_OUT
#define BANDSOX_OUT 4096
#endif
_Static_assert(BANDSOX_ERROR_MAX * 6 + BANDSOX_ID_MAX * 6 + 128 <= BANDSOX_OUT, "an error event");

struct bandsox_operation;

/* Goes on. True: it has, and may be called again at once; false: it waits. */
typedef bool bandsox_move(struct bandsox_operation *op, uint64_t now);

/* What reading needs to remember. */
struct bandsox_reading {
    int file;
    bool is_window;  /* lines of it were asked for */
    bool is_chunked; /* it comes in more than one event */
    bool numbers;
    bool in_line; /* the last byte did not end one */
    bool emits;   /* the line is one of those that are wanted */
    bool owes_cr; /* a '\r' that the end of a line would swallow */
    uint8_t carry[2];
    uint8_t carried; /* bytes in carry: base64 takes three at a time */
    uint32_t skip;
    uint32_t limit;
    uint64_t emitted;
    uint64_t lines;
    uint64_t done; /* bytes of the file */
    uint64_t size; /* of all of it, as it was found */
    uint64_t chunk_end;
    const char *fault; /* why it ended too early; NULL: it did not */
    br_md5_context md5;
};

/* What listing needs to remember. To upload a list, its size must be known before, and its bytes
 * are made as they are wanted: part after part, the last one as often as there is room. */
struct bandsox_listing {
    int list;
    enum { LISTING_HEAD, LISTING_ENTRY, LISTING_TAIL, LISTING_BLANK } part;
    uint64_t count;
    uint64_t size;  /* of all */
    uint64_t given; /* of that, in the parts before this one */
    size_t at;      /* bytes of this one that were given */
    struct file_entry entry;
};

/* What running a command needs to remember. */
struct bandsox_running {
    bool has_input;
    bool is_pty;
    bool is_held; /* its output is to go by vsock */
    bool truncated[2];
    enum bandsox_stream stream; /* that is uploaded */
    size_t pending;             /* bytes of input that it has not taken */
    uint64_t sent[2];           /* or held */
    uint64_t at;                /* of what is held, in the stream that is written after all */
    uint64_t kill_at;           /* UINT64_MAX: it is not to be killed */
    uint64_t over_at; /* who still writes for it is not heard any more; UINT64_MAX: it runs */
    struct bandsox_uploads uploads;
};

struct bandsox_operation {
    bandsox_move *step; /* NULL: the place is free */
    uint64_t deadline;  /* when to call it at the latest */
    struct client *transfer;
    uint64_t moved; /* bytes, by the last transfer that was done */
    uint32_t port;
    int code; /* of `exit` */
    unsigned tries;
    size_t id_len, path_len, error_len;
    union {
        struct bandsox_reading reading;
        struct bandsox_listing listing;
        struct bandsox_running running;
        enum file_how how;
        struct file_info info;
    };
    char id[BANDSOX_ID_MAX];
    char path[BANDSOX_PATH_MAX];
    char error[BANDSOX_ERROR_MAX];
};

static inline struct bytes bandsox_id(const struct bandsox_operation *op)
{
    return (struct bytes){op->id, op->id_len};
}

static inline struct bytes bandsox_path(const struct bandsox_operation *op)
{
    return (struct bytes){op->path, op->path_len};
}

/* -- agent/bandsox.c */

/* A writer for an event, or for more of the one that op has begun. It has no room while another
 * operation is in the middle of one. */
struct out bandsox_event(const struct bandsox_operation *op);

/* Sends what was written, unless not all of it had room: then false, and nothing was said.
 * unfinished: the event goes on. */
bool bandsox_say(const struct bandsox_operation *op, const struct out *o, bool unfinished);

/* Says `error`, with the text as printf() has it, then `exit` 1. */
void bandsox_fail(struct bandsox_operation *op, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with the text that bandsox_transfer() has left. */
void bandsox_fail_transfer(struct bandsox_operation *op);

/* Says `exit` with a code. */
void bandsox_finish(struct bandsox_operation *op, int code);

/* Gives the place back, as a step's last act; false. */
bool bandsox_leave(struct bandsox_operation *op);

/* The operation of an id; NULL: there is none. */
struct bandsox_operation *bandsox_find(struct text id);

/* Its number, 0 to BANDSOX_OPERATIONS_MAX - 1; and the operation of a number, used or not. */
unsigned bandsox_number(const struct bandsox_operation *op);
struct bandsox_operation *bandsox_operation(unsigned number);

enum bandsox_transfer { BANDSOX_MOVING, BANDSOX_MOVED, BANDSOX_FAILED };

/* Goes on with a transfer: begins it when there is none, and once more when it failed before
 * anything moved; what was moved last is over when the answer is not BANDSOX_MOVING. Of a failure
 * op->error has the text. */
enum bandsox_transfer bandsox_transfer(struct bandsox_operation *op,
                                       const struct transfer_request *request, uint64_t now);

/* As Go has it: `error` "open PATH: no such file or directory", of file_fault(). */
void bandsox_fail_file(struct bandsox_operation *op);

/* Of what opening a file gave: whether op waits for others to close theirs, and tries again. */
bool bandsox_waits(struct bandsox_operation *op, int result, uint64_t now);

/* Goes on with an upload whose end `status` tells; when it has failed, otherwise(). */
bool bandsox_upload(struct bandsox_operation *op, const struct transfer_request *request,
                    uint64_t now, void (*otherwise)(struct bandsox_operation *op));

/* -- agent/bandsox_read.c, _write.c and _list.c: what a request begins; op has its id and path */
void bandsox_read_file(struct bandsox_operation *op, const struct bandsox_order *r);
void bandsox_write_content(struct bandsox_operation *op, const struct bandsox_order *r);
void bandsox_write_by_vsock(struct bandsox_operation *op, const struct bandsox_order *r);
void bandsox_list_dir(struct bandsox_operation *op, const struct bandsox_order *r);
void bandsox_file_info(struct bandsox_operation *op, const struct bandsox_order *r);

/* -- agent/bandsox_exec.c, or bandsox_exec_none.c where there are no programs */
void bandsox_exec(struct bandsox_operation *op, const struct bandsox_order *r);

/* The error, or NULL. */
const char *bandsox_input(const struct bandsox_order *r);
void bandsox_resize(const struct bandsox_order *r);
void bandsox_kill(const struct bandsox_order *r);
void bandsox_end_all(void);

#endif
