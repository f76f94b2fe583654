/* SPDX-License-Identifier: MIT */
/*
 * What the verbs of mote as a tool (platform/tool.h) have in common: one exchange with the host,
 * its end in words and as an exit status. What a verb says of the wire is its client's.
 */
#ifndef AGENT_TOOL_H
#define AGENT_TOOL_H

#include "agent/client.h"
#include "agent/tool_words.h"
#include "platform/tool.h"

/* Past --timeout, or past what the exchange has by itself; as timeout(1) and motectl. */
#define EXIT_TIMEOUT 124

/* Has the endpoint ready to dial the host; an exchange may begin. False: *error says why. */
bool tool_dial(struct out *error);

/* Takes what the exchange of c brings until it has ended. False: its time was over, which is
 * timeout_s seconds, 0: what c has by itself. progress, if not NULL, is called every second,
 * to write its line over the last one. */
bool tool_wait(struct client *c, uint32_t timeout_s, void (*progress)(const struct client *c));

/* The same for the verbs that are mote's own: says what went wrong, as "mote: ...", and returns
 * the exit status. c may be NULL, then error says why. Unless it is EXIT_OK, c has been freed. */
int tool_finish(struct client *c, uint32_t timeout_s, void (*progress)(const struct client *c),
                const struct out *error);

/* As printf() to that stream, 512 bytes at most. */
void tool_say(enum tool_stream stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* n bytes to the standard output; the exit status, which is EXIT_FAILED, after saying why, if they
 * did not get there. */
int tool_print(const char *s, size_t n);

/* A host's text, without what would drive a terminal. */
void tool_write_clean(enum tool_stream stream, struct bytes text);

/* A text as Rust's {:?} writes it between its quotes. */
void tool_write_escaped(enum tool_stream stream, struct bytes text);

/* Takes the words of a verb of mote's into *w. Its commands are count rows, of which the first word
 * names one; or one row with the verb's own name. Returns the row. NULL: help was asked for and
 * printed, or the words were wrong and that was said; *status is what to exit with. */
const struct tool_command *tool_words_of(struct tool_words *w, const char *verb,
                                         const struct tool_command *commands, size_t count,
                                         char *const *words, int *status);

/* The text of an option or a word as bytes; none for NULL. */
static inline struct bytes tool_bytes(const char *s)
{
    return (struct bytes){s, s != NULL ? strlen(s) : 0};
}

/* Prints what a command of the HostOS has brought; the exit status. */
int tool_hostos_print(const struct client *c);

/* The verbs, one file each. */
int tool_hostos(char *const *words);
int tool_vsock_guest(char *const *words);
int tool_vcom(char *const *words);
int tool_upload(char *const *words);
int tool_download(char *const *words);
int tool_download_raw(char *const *words);
int tool_ping_host(char *const *words);

#endif
