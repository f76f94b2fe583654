/* SPDX-License-Identifier: MIT */
#include "agent/tool.h"

#include "platform/platform.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
#define NEVER     UINT64_MAX

#define LINGER_NS (3 * SECOND_NS)

const struct tool_verb tool_verbs[] = {
    {"hostos", "COMMAND", "ask the HostOS of an Internet Computer node", false, tool_hostos},
    {"vcom", "REQUEST", "ask an EVE-OS host for what its TPM has", false, tool_vcom},
    {"upload", "FILE", "send a file to a Bandsox host", false, tool_upload},
    {"download", "PATH FILE", "fetch a file from a Bandsox host", false, tool_download},
    {"download-raw", "PATH FILE", "the same without base64", false, tool_download_raw},
    {"ping-host", "", "see whether a Bandsox host answers", false, tool_ping_host},
    {"vsock_guest", "...", "as the program of that name", true, tool_vsock_guest},
    {NULL, NULL, NULL, false, NULL},
};

void tool_say(enum tool_stream stream, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tool_write(stream, text, strlen(text));
}

int tool_print(const char *s, size_t n)
{
    if (tool_write(TOOL_OUT, s, n))
        return EXIT_OK;
    tool_say(TOOL_ERR, "mote: standard output: %s\n", tool_fault());
    return EXIT_FAILED;
}

bool tool_dial(struct out *error)
{
    if (endpoint_start() == MOTE_OK && endpoint_allow(ENDPOINT_CID_HOST) == MOTE_OK)
        return true;
    out_str(error, "no way to the host"); /* what is missing was told */
    return false;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What a host must not see broken off still leaves, as well as it can: one that has said
 * something has read what it was asked. */
static void let_leave(void)
{
    uint64_t deadline = platform_now_ns() + LINGER_NS;

    while (endpoint_connections() != 0 && platform_now_ns() < deadline) {
        endpoint_poll();
        endpoint_flush();
        if (endpoint_may_wait())
            platform_wait(earlier(deadline, endpoint_deadline()));
    }
}

/* One turn of the loop; it ends at the deadline if nothing happens. */
static void turn(const struct client *c, uint64_t deadline)
{
    struct endpoint_event event;

    endpoint_poll(); /* of sockets: it can't fail */
    do {
        while (endpoint_next_event(&event))
            client_event(&event); /* all are the client's: nobody listens */
        client_tick(platform_now_ns());
    } while (endpoint_flush());
    if (c->status == CLIENT_RUNNING && endpoint_may_wait())
        platform_wait(earlier(deadline, earlier(client_deadline(), endpoint_deadline())));
}

bool tool_wait(struct client *c, uint32_t timeout_s, void (*progress)(const struct client *c))
{
    uint64_t now = platform_now_ns();
    uint64_t limit = timeout_s != 0 ? now + timeout_s * SECOND_NS : NEVER;
    uint64_t next = progress != NULL ? now + SECOND_NS : NEVER;
    uint64_t patience = NEVER; /* the client's own */
    bool was_shown = false;

    while (c->status == CLIENT_RUNNING && now < limit) {
        patience = c->deadline;
        turn(c, earlier(limit, next));
        now = platform_now_ns();
        if (now < next)
            continue;
        progress(c);
        was_shown = true;
        next = now + SECOND_NS;
    }
    if (was_shown)
        tool_say(TOOL_ERR, "\n");
    return c->status != CLIENT_RUNNING && (c->status != CLIENT_FAILED || now < patience);
}

static int tell(const struct client *c, bool in_time)
{
    if (c->status == CLIENT_DONE)
        return EXIT_OK;
    if (c->status == CLIENT_RUNNING) {
        tool_say(TOOL_ERR, "mote: %s: not done in time\n", c->protocol->peer);
    } else {
        tool_say(TOOL_ERR, c->status == CLIENT_REFUSED ? "mote: the host refuses: " : "mote: ");
        tool_write_clean(TOOL_ERR, (struct bytes){c->error, c->error_len});
        tool_say(TOOL_ERR, "\n");
    }
    return in_time ? EXIT_FAILED : EXIT_TIMEOUT;
}

int tool_finish(struct client *c, uint32_t timeout_s, void (*progress)(const struct client *c),
                const struct out *error)
{
    if (c == NULL) {
        tool_say(TOOL_ERR, "mote: %.*s\n", (int)error->len, error->base);
        return EXIT_FAILED;
    }
    bool in_time = tool_wait(c, timeout_s, progress);
    bool is_orderly = c->protocol->is_orderly;
    int status = tell(c, in_time);
    if (status == EXIT_OK)
        return status;
    client_free(c); /* what it has begun is undone */
    if (is_orderly && !in_time)
        let_leave();
    return status;
}

static void refuse(const char *verb, const char *error)
{
    tool_say(TOOL_ERR, "mote %s: %s; see mote %s --help\n", verb, error, verb);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Which of a verb's commands has that name; NULL: that was said. */
static const struct tool_command *choose(const char *verb, const struct tool_command *commands,
                                         size_t count, char *const *name)
{
    char error[160];

    for (size_t i = 0; name != NULL && i < count; i++)
        if (strcmp(commands[i].name, *name) == 0)
            return &commands[i];
    if (name == NULL)
        snprintf(error, sizeof error, "a command is missing");
    else
        snprintf(error, sizeof error, "unrecognized command '%.100s'", *name);
    refuse(verb, error);
    return NULL;
}

/* Of one command, or of all that a verb has. */
static void help(const char *verb, const struct tool_command *commands, size_t count)
{
    bool has_name = strcmp(verb, commands->name) != 0;
    uint32_t takes = TOOL_BIT(TOOL_HELP);

    if (count == 1)
        tool_say(TOOL_OUT, "usage: mote %s%s%s%s%s [OPTION ...]\n\n", verb, has_name ? " " : "",
                 has_name ? commands->name : "", commands->words[0] != '\0' ? " " : "",
                 commands->words);
    else
        tool_say(TOOL_OUT, "usage: mote %s COMMAND [OPTION ...]\n\ncommands:\n", verb);
    tool_commands_help(commands, count);
    for (size_t i = 0; i < count; i++)
        takes |= commands[i].takes;
    tool_say(TOOL_OUT, "\noptions:\n");
    tool_options_help(takes);
}

const struct tool_command *tool_words_of(struct tool_words *w, const char *verb,
                                         const struct tool_command *commands, size_t count,
                                         char *const *words, int *status)
{
    const struct tool_command *command = commands;
    char *const *name = NULL;

    *status = EXIT_OK;
    if (words[0] != NULL && is_help(words[0])) {
        help(verb, commands, count);
        return NULL;
    }
    *status = EXIT_USAGE;
    if (strcmp(verb, commands->name) != 0) {
        name = tool_words_first(words);
        if ((command = choose(verb, commands, count, name)) == NULL)
            return NULL;
    }
    if (!tool_words_take(w, command, words, name)) {
        refuse(verb, w->error);
        return NULL;
    }
    if (!tool_has(w, TOOL_HELP))
        return command;
    *status = EXIT_OK;
    help(verb, command, 1);
    return NULL;
}
