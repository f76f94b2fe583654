/* SPDX-License-Identifier: MIT */
/* mote upload, download, download-raw, ping-host: files from and to a Bandsox host. */
#include "agent/tool.h"
#include "agent/transfer.h"
#include "platform/platform.h"

#define ALWAYS (TOOL_BIT(TOOL_PORT) | TOOL_BIT(TOOL_TIMEOUT) | TOOL_BIT(TOOL_CMD_ID))
#define ID     TOOL_BIT(TOOL_CMD_ID)

static const struct tool_command upload[] = {
    {"upload", "FILE", "send a file; the host decides by ID what becomes of it",
     ALWAYS | TOOL_BIT(TOOL_PATH) | TOOL_BIT(TOOL_CHECKSUM), ID, TRANSFER_UPLOAD}};
static const struct tool_command download[] = {{"download", "PATH FILE",
                                                "fetch what the host calls PATH as FILE", ALWAYS,
                                                ID, TRANSFER_DOWNLOAD}};
static const struct tool_command download_raw[] = {
    {"download-raw", "PATH FILE", "the same from hosts since May 2026, without base64", ALWAYS, ID,
     TRANSFER_DOWNLOAD_RAW}};
static const struct tool_command ping[] = {
    {"ping-host", "", "print pong when the host has answered", ALWAYS, 0, TRANSFER_PING}};

/* For a person who waits. */
static void show(const struct client *c)
{
    tool_say(TOOL_ERR, "\r%llu of %llu bytes", (unsigned long long)transfer_moved(c),
             (unsigned long long)transfer_size(c));
}

static int run(const struct tool_words *w, const struct transfer_request *r)
{
    bool is_watched = r->kind != TRANSFER_PING && tool_is_terminal(TOOL_ERR);
    char text[CLIENT_ERROR_MAX];
    struct out error = out_to(text, sizeof text);
    struct client *c = tool_dial(&error) ? transfer_begin(r, &error) : NULL;

    return tool_finish(c, w->number[TOOL_TIMEOUT], is_watched ? show : NULL, &error);
}

/* What all of them say in the same words. */
static struct transfer_request request(const struct tool_words *w,
                                       const struct tool_command *command)
{
    return (struct transfer_request){.kind = (enum transfer_kind)command->what,
                                     .cmd_id = tool_bytes(w->text[TOOL_CMD_ID]),
                                     .port = w->number[TOOL_PORT],
                                     .how = FILE_REPLACE,
                                     .checksum = tool_has(w, TOOL_CHECKSUM)};
}

int tool_upload(char *const *words)
{
    struct tool_words w;
    int status;
    const struct tool_command *command = tool_words_of(&w, "upload", upload, 1, words, &status);

    if (command == NULL)
        return status;
    struct transfer_request r = request(&w, command);
    r.file = tool_bytes(w.word[0]);
    r.path = tool_has(&w, TOOL_PATH) ? tool_bytes(w.text[TOOL_PATH]) : r.file;
    return run(&w, &r);
}

static int fetch(const struct tool_command *command, char *const *words)
{
    struct tool_words w;
    int status;

    if (tool_words_of(&w, command->name, command, 1, words, &status) == NULL)
        return status;
    struct transfer_request r = request(&w, command);
    r.path = tool_bytes(w.word[0]);
    r.file = tool_bytes(w.word[1]);
    return run(&w, &r);
}

int tool_download(char *const *words)
{
    return fetch(download, words);
}

int tool_download_raw(char *const *words)
{
    return fetch(download_raw, words);
}

int tool_ping_host(char *const *words)
{
    struct tool_words w;
    int status;
    const struct tool_command *command = tool_words_of(&w, "ping-host", ping, 1, words, &status);

    if (command == NULL)
        return status;
    struct transfer_request r = request(&w, command);
    status = run(&w, &r);
    return status == EXIT_OK ? tool_print("pong\n", 5) : status;
}
