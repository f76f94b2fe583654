/* SPDX-License-Identifier: MIT */
/*
 * vsock_guest, the program with which guests of the Internet Computer ask their host, in the forms
 * of both its generations: flags (`--notify MESSAGE`), and commands (`notify MESSAGE`). A first
 * word without a dash makes it the second. What it says of an error is that generation's:
 * `Error: "<text>"` of the flags, with what Rust's Debug escapes; of the commands the text as
 * it is.
 */
#include "agent/hostos.h"
#include "agent/tool.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

#define NAME    "vsock_guest"
#define VERSION NAME " 1.0.0\n"

#define COMMON  (TOOL_BIT(TOOL_PORT) | TOOL_BIT(TOOL_VERSION))
#define UPGRADE (TOOL_BIT(TOOL_URL) | TOOL_BIT(TOOL_HASH))

static const struct tool_command flags = {
    "",
    "",
    "",
    COMMON | TOOL_BIT(TOOL_ATTACH_HSM) | TOOL_BIT(TOOL_DETACH_HSM) |
        TOOL_BIT(TOOL_GET_HOSTOS_VERSION) | TOOL_BIT(TOOL_UPGRADE) | TOOL_BIT(TOOL_HASH) |
        TOOL_BIT(TOOL_NOTIFY) | TOOL_BIT(TOOL_COUNT),
    0,
    0};

static const struct tool_command commands[] = {
    {"attach-hsm", "", "have the HSM attached to this guest", COMMON, 0, HOSTOS_ATTACH_HSM},
    {"detach-hsm", "", "have it detached", COMMON, 0, HOSTOS_DETACH_HSM},
    {"get-hostos-version", "", "print the HostOS' version", COMMON, 0, HOSTOS_GET_VERSION},
    {"upgrade", "", "have the HostOS upgraded", COMMON | UPGRADE, UPGRADE, HOSTOS_UPGRADE},
    {"notify", "MESSAGE", "have a message on the consoles of host and guest",
     COMMON | TOOL_BIT(TOOL_COUNT), 0, HOSTOS_NOTIFY},
};

/* The flags that are commands; the first that is given counts. */
static const struct {
    enum tool_option option;
    enum hostos_command command;
} by_flag[] = {
    {TOOL_ATTACH_HSM, HOSTOS_ATTACH_HSM},
    {TOOL_DETACH_HSM, HOSTOS_DETACH_HSM},
    {TOOL_GET_HOSTOS_VERSION, HOSTOS_GET_VERSION},
    {TOOL_UPGRADE, HOSTOS_UPGRADE},
    {TOOL_NOTIFY, HOSTOS_NOTIFY},
};

static int usage_error(const char *error)
{
    tool_say(TOOL_ERR,
             "error: %s\n\nUsage: " NAME " [OPTIONS] [COMMAND]\n\n"
             "For more information, try '--help'.\n",
             error);
    return EXIT_USAGE;
}

static int help(void)
{
    tool_say(TOOL_OUT, "Asks the HostOS of an Internet Computer node.\n\n"
                       "Usage: " NAME " [OPTIONS] [COMMAND]\n\nCommands:\n");
    tool_commands_help(commands, sizeof commands / sizeof commands[0]);
    tool_say(TOOL_OUT, "\nOptions of commands:\n");
    tool_options_help(COMMON | UPGRADE | TOOL_BIT(TOOL_COUNT));
    tool_say(TOOL_OUT, "\nOptions in the place of a command:\n");
    tool_options_help(flags.takes);
    return EXIT_OK;
}

/* As the flags have it: the text in quotes. */
static int flag_error(struct bytes text)
{
    tool_say(TOOL_ERR, "Error: \"");
    tool_write_escaped(TOOL_ERR, text);
    tool_say(TOOL_ERR, "\"\n");
    return EXIT_FAILED;
}

/* As the commands have it. */
static int command_error(struct bytes text, bool is_hosts)
{
    tool_say(TOOL_ERR, is_hosts ? "Error: Server responded with error: '"
                                : "Error: sending command\n\nCaused by:\n    ");
    tool_write(TOOL_ERR, text.at, text.n);
    tool_say(TOOL_ERR, is_hosts ? "'\n" : "\n");
    return EXIT_FAILED;
}

static int ask(const struct hostos_request *r, bool by_flags)
{
    char text[CLIENT_ERROR_MAX];
    struct out error = out_to(text, sizeof text);
    struct client *c = tool_dial(&error) ? hostos_begin(r, &error) : NULL;
    struct bytes why = {error.base, error.len};

    if (c != NULL) {
        tool_wait(c, 0, NULL);
        if (c->status == CLIENT_DONE)
            return tool_hostos_print(c);
        why = (struct bytes){c->error, c->error_len};
    }
    return by_flags ? flag_error(why)
                    : command_error(why, c != NULL && c->status == CLIENT_REFUSED);
}

static int run_flags(const struct tool_words *w)
{
    struct hostos_request r = {
        .url = tool_bytes(w->text[TOOL_UPGRADE]),
        .hash = tool_bytes(w->text[TOOL_HASH]),
        .message = tool_bytes(w->text[TOOL_NOTIFY]),
        .count = tool_has(w, TOOL_COUNT) ? w->number[TOOL_COUNT] : 1,
        .port = w->number[TOOL_PORT],
    };
    size_t i = 0;

    while (i < sizeof by_flag / sizeof by_flag[0] && !tool_has(w, by_flag[i].option))
        i++;
    if (i == sizeof by_flag / sizeof by_flag[0])
        return flag_error(tool_bytes("no command matched"));
    r.command = by_flag[i].command;
    if (r.command == HOSTOS_UPGRADE && !tool_has(w, TOOL_HASH))
        return flag_error(tool_bytes("No target hash given for upgrade command"));
    return ask(&r, true);
}

/* Where nobody sees the host's console, the guest's own has it. */
static void show(struct bytes message)
{
    static const char *const consoles[] = {"/dev/tty1", "/dev/ttyS0"};
    static char text[HOSTOS_REQUEST_MAX + 2];
    struct out o = out_to(text, sizeof text);

    out_str(&o, "\n");
    out_bytes(&o, message.at, message.n);
    out_str(&o, "\n");
    for (size_t i = 0; i < sizeof consoles / sizeof consoles[0]; i++)
        tool_tell(consoles[i], text, o.len);
}

static int run_command(const struct tool_command *command, const struct tool_words *w)
{
    const struct hostos_request r = {
        .command = (enum hostos_command)command->what,
        .url = tool_bytes(w->text[TOOL_URL]),
        .hash = tool_bytes(w->text[TOOL_HASH]),
        .message = tool_bytes(w->word[0]),
        .count = tool_has(w, TOOL_COUNT) ? w->number[TOOL_COUNT] : 1,
        .port = w->number[TOOL_PORT],
    };

    if (r.command == HOSTOS_NOTIFY)
        show(r.message);
    return ask(&r, false);
}

int tool_vsock_guest(char *const *words)
{
    struct tool_words w;
    char *const *name = tool_words_first(words);
    const struct tool_command *command = &flags;
    char error[160];

    for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, *name) == 0)
            command = &commands[i];
    if (name != NULL && command == &flags) {
        snprintf(error, sizeof error, "unrecognized subcommand '%.100s'", *name);
        return usage_error(error);
    }
    if (!tool_words_take(&w, command, words, name))
        return usage_error(w.error);
    if (tool_has(&w, TOOL_HELP))
        return help();
    if (tool_has(&w, TOOL_VERSION))
        return tool_print(VERSION, sizeof VERSION - 1);
    return name != NULL ? run_command(command, &w) : run_flags(&w);
}
