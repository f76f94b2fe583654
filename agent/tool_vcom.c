/* SPDX-License-Identifier: MIT */
/* mote vcom: what an EVE-OS host's TPM has for its guest. */
#include "agent/tool.h"
#include "agent/vcom.h"
#include "platform/platform.h"
#include "proto/base64.h"

#include <stdio.h>

#define ALWAYS                                                                                     \
    (TOOL_BIT(TOOL_PORT) | TOOL_BIT(TOOL_TIMEOUT) | TOOL_BIT(TOOL_RAW) | TOOL_BIT(TOOL_JSON))
#define INDEX (ALWAYS | TOOL_BIT(TOOL_INDEX))

/* An answer has no more bytes than are kept of it; as base64 a third more, and names. */
#define ANSWER_MAX (CLIENT_DATA_MAX / 3 * 4 + 256)

static const struct tool_command commands[] = {
    {"ek", "", "the endorsement key, a TPMT_PUBLIC", ALWAYS, 0, VCOM_EK},
    {"getpub", "", "a key's public part", INDEX, TOOL_BIT(TOOL_INDEX), VCOM_GETPUB},
    {"sign", "", "a signature", INDEX | TOOL_BIT(TOOL_DATA),
     TOOL_BIT(TOOL_INDEX) | TOOL_BIT(TOOL_DATA), VCOM_SIGN},
    {"readnv", "", "what non-volatile memory has", INDEX, TOOL_BIT(TOOL_INDEX), VCOM_READNV},
    {"activatecredparams", "", "the EK, an attestation key and its name", INDEX,
     TOOL_BIT(TOOL_INDEX), VCOM_ACTIVATECREDPARAMS},
    {"activatecred", "", "the secret of a credential",
     INDEX | TOOL_BIT(TOOL_CRED) | TOOL_BIT(TOOL_SECRET),
     TOOL_BIT(TOOL_INDEX) | TOOL_BIT(TOOL_CRED) | TOOL_BIT(TOOL_SECRET), VCOM_ACTIVATECRED},
    {"certifykey", "", "what the attestation key says of a key", INDEX, TOOL_BIT(TOOL_INDEX),
     VCOM_CERTIFYKEY},
};

/* A member of the answer, as it stands in its JSON. */
struct member {
    struct bytes name;
    struct bytes value; /* of a string: without its quotes */
};

static char input[VCOM_BODY_MAX];
static size_t input_used;

/* Takes the next member off the front; false: none is left. We have written them: strings have
 * no quotes within. */
static bool next_member(struct bytes *rest, struct member *m)
{
    const char *end = rest->at + rest->n;

    if (rest->n < 2)
        return false;
    m->name.at = rest->at + 1; /* behind its quote */
    m->name.n = (size_t)((const char *)memchr(m->name.at, '"', rest->n - 1) - m->name.at);
    const char *value = m->name.at + m->name.n + 2; /* behind the quote and the colon */
    bool is_string = *value == '"';
    value += is_string;
    const char *stop = memchr(value, is_string ? '"' : ',', (size_t)(end - value));
    stop = stop != NULL ? stop : end;
    m->value = (struct bytes){value, (size_t)(stop - value)};
    stop += is_string;
    stop += stop < end; /* the comma */
    *rest = (struct bytes){stop, (size_t)(end - stop)};
    return true;
}

static int print_raw(struct bytes base64)
{
    struct base64_decoder decoder = {0};
    char piece[256 / 4 * 3 + 3];
    int status = EXIT_OK;

    for (size_t at = 0; at < base64.n && status == EXIT_OK; at += 256) {
        size_t n = base64.n - at < 256 ? base64.n - at : 256;
        long decoded = base64_decode(&decoder, base64.at + at, n, piece);
        status = decoded < 0 ? EXIT_FAILED : tool_print(piece, (size_t)decoded);
    }
    return status;
}

static int print_bytes(const char *before, struct bytes text, const char *after)
{
    int status = tool_print(before, strlen(before));

    if (status == EXIT_OK)
        status = tool_print(text.at, text.n);
    return status == EXIT_OK ? tool_print(after, strlen(after)) : status;
}

/* The EK alone is a line without its name. */
static int print_members(struct bytes answer, bool is_alone, bool is_raw)
{
    struct member m;
    int status = EXIT_OK;

    while (status == EXIT_OK && next_member(&answer, &m)) {
        if (is_raw)
            return print_raw(m.value);
        if (!is_alone && (status = tool_print(m.name.at, m.name.n)) != EXIT_OK)
            return status;
        status = print_bytes(is_alone ? "" : ": ", m.value, "\n");
    }
    return status;
}

static int print(const struct client *c, const struct tool_words *w, bool is_alone)
{
    static char report[ANSWER_MAX];
    struct out o = out_to(report, sizeof report);

    c->protocol->report(c, &o);
    struct bytes answer = {o.base, o.len};
    if (tool_has(w, TOOL_JSON))
        return print_bytes("{", answer, "}\n");
    return print_members(answer, is_alone, tool_has(w, TOOL_RAW));
}

/* What the file of an option has; all options together have one input. */
static bool take_file(const struct tool_words *w, enum tool_option option, struct bytes *content)
{
    const char *path = w->text[option];

    if (!tool_has(w, option))
        return true;
    int n = tool_read(path, input + input_used, sizeof input - input_used);
    if (n == MOTE_ERR_TOO_LARGE)
        tool_say(TOOL_ERR, "mote: %.200s: more than a host reads, %u bytes\n", path, VCOM_BODY_MAX);
    else if (n < 0)
        tool_say(TOOL_ERR, "mote: %.200s: %s\n", path, tool_fault());
    if (n < 0)
        return false;
    *content = (struct bytes){input + input_used, (size_t)n};
    input_used += (size_t)n;
    return true;
}

int tool_vcom(char *const *words)
{
    struct tool_words w;
    int status;
    const struct tool_command *command =
        tool_words_of(&w, "vcom", commands, sizeof commands / sizeof commands[0], words, &status);
    char text[CLIENT_ERROR_MAX];
    struct out error = out_to(text, sizeof text);

    if (command == NULL)
        return status;
    struct vcom_request r = {.kind = (enum vcom_kind)command->what,
                             .index = w.number[TOOL_INDEX],
                             .port = w.number[TOOL_PORT]};
    if (!take_file(&w, TOOL_DATA, &r.data) || !take_file(&w, TOOL_CRED, &r.cred) ||
        !take_file(&w, TOOL_SECRET, &r.secret))
        return EXIT_FAILED;
    struct client *c = tool_dial(&error) ? vcom_begin(&r, &error) : NULL;
    status = tool_finish(c, w.number[TOOL_TIMEOUT], NULL, &error);
    return status == EXIT_OK ? print(c, &w, command->what == VCOM_EK) : status;
}
