/* SPDX-License-Identifier: MIT */
/*
 * Bandsox's control channel (protocol Bandsox, 2.3 and 2.4): the requests that a host writes to
 * the guest's serial line, and the events that the guest's agent answers with; JSON, one object
 * a line. What an event is made of, in which order and with which escapes, is that of the Go
 * agent, whose JSON has the keys of a payload in alphabetical order.
 */
#ifndef PROTO_BANDSOX_SERIAL_H
#define PROTO_BANDSOX_SERIAL_H

#include "proto/json.h"

enum bandsox_verb {
    BANDSOX_UNKNOWN, /* with a command it is an exec (2.3) */
    BANDSOX_EXEC,
    BANDSOX_PTY_EXEC,
    BANDSOX_INPUT,
    BANDSOX_RESIZE,
    BANDSOX_KILL,
    BANDSOX_READ_FILE,
    BANDSOX_WRITE_FILE,
    BANDSOX_WRITE_TEXT,
    BANDSOX_WRITE_FILE_VSOCK,
    BANDSOX_LIST_DIR,
    BANDSOX_FILE_INFO,
};

/* A request: views into its line. What was not sent is zero. */
struct bandsox_order {
    enum bandsox_verb verb;
    struct text id;
    struct text command;
    struct text path;
    struct text content;
    struct text data;
    struct text encoding;
    struct json_raw env; /* for bandsox_next_variable() */
    uint32_t offset;     /* lines to skip; what is below zero is zero, here and in limit */
    uint32_t limit;      /* lines at most; 0: all */
    uint32_t cols;
    uint32_t rows;
    uint32_t vsock_port;
    bool append;
    bool background;
    bool show_line_numbers;
    bool use_vsock;
    bool use_vsock_output;
};

enum bandsox_line {
    BANDSOX_REQUEST, /* *r is one */
    BANDSOX_IGNORE,  /* no request: an agent says nothing to it (2.3) */
    BANDSOX_REFUSE, /* it passes a limit of ours, which *error names; id and type as far as known */
};

/* Reads a line, without its end. */
enum bandsox_line bandsox_read(const char *line, size_t len, struct bandsox_order *r,
                               struct out *error);

/* What can be known of a request from the beginning of its line, which was too long. False: no
 * id, so that nobody can be told. */
bool bandsox_peek(const char *line, size_t len, struct bandsox_order *r);

/* Whether a host waits for an `exit` after a request of this type (2.4). */
bool bandsox_has_exit(enum bandsox_verb verb);

/* Takes the next variable off the front of a request's env; false: no more. */
bool bandsox_next_variable(struct json_raw *env, struct text *name, struct text *value);

/* A mode as Go has it (fs.FileMode), of one as Linux has it. */
uint32_t bandsox_mode(uint32_t st_mode);

enum bandsox_stream { BANDSOX_STDOUT, BANDSOX_STDERR };

/* Bytes of an `output` event that are not its data or its id. */
#define BANDSOX_OUTPUT_FRAME 128

/* The events, each one whole line with its '\n'. */
void bandsox_write_ready(struct out *o);
void bandsox_write_started(struct out *o, struct bytes id, int pid); /* pid 0: none is told */
void bandsox_write_uploaded(struct out *o, struct bytes id, uint64_t size);
void bandsox_write_error(struct out *o, struct bytes id, struct bytes error);
void bandsox_write_exit(struct out *o, struct bytes id, int code);

/* Of an exec whose output went over vsock, or was to. */
struct bandsox_uploads {
    bool attempted;
    bool done[2]; /* by enum bandsox_stream */
};
void bandsox_write_exit_uploads(struct out *o, struct bytes id, int code,
                                const struct bandsox_uploads *uploads);

void bandsox_write_output(struct out *o, struct bytes id, enum bandsox_stream stream,
                          const void *data, size_t n);
void bandsox_write_truncated(struct out *o, struct bytes id, enum bandsox_stream stream,
                             uint64_t sent);

/* A file's event in parts: begin, its bytes in base64 as they come, end. */
void bandsox_begin_content(struct out *o, struct bytes id);
void bandsox_end_content(struct out *o, struct bytes path, uint64_t total_lines);
void bandsox_begin_chunk(struct out *o, struct bytes id);
void bandsox_end_chunk(struct out *o, struct bytes path, uint64_t offset, uint64_t size);
void bandsox_write_complete(struct out *o, struct bytes id, struct bytes path,
                            const uint8_t md5[16], uint64_t total_lines, uint64_t total_size);

/* What list_dir tells of a file. */
struct bandsox_file {
    struct bytes name;
    uint64_t size;
    uint64_t mtime; /* seconds since 1970 */
    uint32_t mode;  /* st_mode */
};

/* A directory in parts: begin, a file after the other, end. Over vsock it is the same without an
 * id and a '\n', and its path comes first. */
void bandsox_begin_list(struct out *o, struct bytes id);
void bandsox_write_file(struct out *o, bool first, const struct bandsox_file *file);
void bandsox_end_list(struct out *o, struct bytes path);
void bandsox_begin_list_upload(struct out *o, struct bytes path);
void bandsox_end_list_upload(struct out *o);

void bandsox_write_info(struct out *o, struct bytes id, const struct bandsox_file *file);

#endif
