/* SPDX-License-Identifier: MIT */
/*
 * The words behind a verb: `--NAME VALUE`, `--NAME=VALUE` and words without a dash in any order;
 * behind `--` none is an option. What is wrong with them is told as Rust's clap tells it, for
 * that is what vsock_guest's users know.
 */
#ifndef AGENT_TOOL_WORDS_H
#define AGENT_TOOL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tool_option {
    TOOL_HELP,
    TOOL_VERSION,
    TOOL_PORT,
    TOOL_TIMEOUT,
    TOOL_LEGACY,
    TOOL_URL,
    TOOL_HASH,
    TOOL_COUNT,
    /* vsock_guest's of old; their order is that in which they count. */
    TOOL_ATTACH_HSM,
    TOOL_DETACH_HSM,
    TOOL_GET_HOSTOS_VERSION,
    TOOL_UPGRADE,
    TOOL_NOTIFY,
    TOOL_INDEX,
    TOOL_DATA,
    TOOL_CRED,
    TOOL_SECRET,
    TOOL_RAW,
    TOOL_JSON,
    TOOL_CMD_ID,
    TOOL_PATH,
    TOOL_CHECKSUM,
    TOOL_OPTIONS,
};

#define TOOL_BIT(option) (UINT32_C(1) << (option))
#define TOOL_WORDS_MAX   2

/* A verb, or a command of one. */
struct tool_command {
    const char *name;
    const char *words; /* those that must be there, as help calls them: "PATH FILE"; "": none */
    const char *help;
    uint32_t takes; /* TOOL_BIT() of each option; help always */
    uint32_t needs; /* of those, which must be there */
    int what;       /* the verb's own */
};

struct tool_words {
    uint32_t given; /* TOOL_BIT() of each option that is there */
    const char *text[TOOL_OPTIONS];
    uint32_t number[TOOL_OPTIONS]; /* of those that are numbers; 0 unless given */
    const char *word[TOOL_WORDS_MAX];
    int count;       /* of words */
    bool only_words; /* "--" has come */
    char error[256];
};

static inline bool tool_has(const struct tool_words *w, enum tool_option option)
{
    return (w->given & TOOL_BIT(option)) != 0;
}

/* The first word that is neither an option nor the value of one, NULL if there is none. */
char *const *tool_words_first(char *const *words);

/* Takes the words of a command; NULL ends them, and the one at name, if any, is passed over. False:
 * w->error says what is wrong, in one line. With --help or --version nothing can be missing. */
bool tool_words_take(struct tool_words *w, const struct tool_command *command, char *const *words,
                     char *const *name);

/* Writes a line "  name WORDS   help" for each of count commands; for each option. */
void tool_commands_help(const struct tool_command *commands, size_t count);
void tool_options_help(uint32_t takes);

#endif
