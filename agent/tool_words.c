/* SPDX-License-Identifier: MIT */
#include "agent/tool_words.h"

#include "agent/number.h"
#include "agent/tool.h"

#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 26

enum value { NONE, TEXT, NUMBER, POSITIVE, INDEX };

static const struct option {
    const char *name;
    enum value kind;
    const char *value; /* as help calls it */
    const char *help;
} options[TOOL_OPTIONS] = {
    [TOOL_HELP] = {"help", NONE, "", "this text (-h)"},
    [TOOL_VERSION] = {"version", NONE, "", "the version (-V)"},
    [TOOL_PORT] = {"port", POSITIVE, "PORT", "of the host, in the place of its usual one"},
    [TOOL_TIMEOUT] = {"timeout", POSITIVE, "SECONDS", "for all of it; past them the status is 124"},
    [TOOL_LEGACY] = {"legacy", NONE, "", "a host of before 2023 may answer, too"},
    [TOOL_URL] = {"url", TEXT, "URL", "where the host finds the upgrade"},
    [TOOL_HASH] = {"hash", TEXT, "HASH", "SHA-256 of the upgrade"},
    [TOOL_COUNT] = {"count", NUMBER, "COUNT", "how often the host prints it, default 1"},
    [TOOL_ATTACH_HSM] = {"attach-hsm", NONE, "", "as the command"},
    [TOOL_DETACH_HSM] = {"detach-hsm", NONE, "", "as the command"},
    [TOOL_GET_HOSTOS_VERSION] = {"get-hostos-version", NONE, "", "as the command"},
    [TOOL_UPGRADE] = {"upgrade", TEXT, "URL", "as the command, with --hash"},
    [TOOL_NOTIFY] = {"notify", TEXT, "MESSAGE", "as the command"},
    [TOOL_INDEX] = {"index", INDEX, "INDEX", "a TPM handle, decimal or 0x..."},
    [TOOL_DATA] = {"data", TEXT, "FILE", "what is to be signed; - is standard input"},
    [TOOL_CRED] = {"cred", TEXT, "FILE", "the credential blob; - is standard input"},
    [TOOL_SECRET] = {"secret", TEXT, "FILE", "the encrypted secret; - is standard input"},
    [TOOL_RAW] = {"raw", NONE, "", "write the bytes alone"},
    [TOOL_JSON] = {"json", NONE, "", "write one JSON object"},
    [TOOL_CMD_ID] = {"cmd-id", TEXT, "ID", "what the host has given out for this transfer"},
    [TOOL_PATH] = {"path", TEXT, "PATH", "what the host calls it, default FILE"},
    [TOOL_CHECKSUM] = {"checksum", NONE, "", "send the md5, too"},
};

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* As in "--port <PORT>". */
static const char *spelling(const struct option *o)
{
    static char text[48];

    snprintf(text, sizeof text, o->kind == NONE ? "--%s" : "--%s <%s>", o->name, o->value);
    return text;
}

static bool wrong(struct tool_words *w, const char *before, const char *what, const char *after)
{
    snprintf(w->error, sizeof w->error, "%s '%.100s'%s", before, what, after);
    return false;
}

static bool unexpected(struct tool_words *w, const char *word)
{
    return wrong(w, "unexpected argument", word, " found");
}

/* Sixteen digits at most count: more have no 32 bits. */
static bool parse_hexadecimal(const char *s, uint32_t *value)
{
    uint64_t v = 0;
    size_t n = strlen(s);

    for (size_t i = 0; i < n && i < 16; i++) {
        const char *digit = strchr("0123456789abcdef", s[i] | 0x20);
        if (digit == NULL || (s[i] < 'A' && s[i] > '9') || s[i] < '0')
            return false;
        v = v << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    *value = (uint32_t)v;
    return n != 0 && v <= UINT32_MAX;
}

static bool take_value(struct tool_words *w, enum tool_option option, const char *value)
{
    const struct option *o = &options[option];
    uint32_t *number = &w->number[option];
    bool good = true;

    w->text[option] = value;
    if (o->kind == INDEX && strncmp(value, "0x", 2) == 0)
        good = parse_hexadecimal(value + 2, number);
    else if (o->kind != TEXT)
        good = number_parse(value, strlen(value), number);
    if (good && (o->kind != POSITIVE || *number != 0))
        return true;
    snprintf(w->error, sizeof w->error,
             "invalid value '%.60s' for '%s': not a number from %d to %u", value, spelling(o),
             o->kind == POSITIVE, (unsigned)UINT32_MAX);
    return false;
}

static enum tool_option find(const char *name, size_t n)
{
    int i = 0;

    while (i < TOOL_OPTIONS &&
           (strncmp(options[i].name, name, n) != 0 || options[i].name[n] != '\0'))
        i++;
    return (enum tool_option)i;
}

/* One option, word, whose value may be behind *at; *at is left at the last that was taken. */
static bool take_option(struct tool_words *w, uint32_t takes, const char *word, char *const **at)
{
    const char *equals = strchr(word, '=');
    enum tool_option option =
        find(word + 2, equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2));
    const struct option *o = &options[option];

    if (option == TOOL_OPTIONS || (takes & TOOL_BIT(option)) == 0)
        return unexpected(w, word);
    if (tool_has(w, option))
        return wrong(w, "the argument", spelling(o), " cannot be used multiple times");
    w->given |= TOOL_BIT(option);
    if (o->kind == NONE)
        return equals == NULL ||
               wrong(w, "unexpected value", equals + 1, " found; no more were expected");
    if (equals != NULL)
        return take_value(w, option, equals + 1);
    const char *next = (*at)[1];
    if (next == NULL || is_option(next))
        return wrong(w, "a value is required for", spelling(o), " but none was supplied");
    ++*at;
    return take_value(w, option, next);
}

static int words_needed(const struct tool_command *command)
{
    int n = command->words[0] != '\0';

    for (const char *s = command->words; *s != '\0'; s++)
        n += *s == ' ';
    return n;
}

static bool has_all(struct tool_words *w, const struct tool_command *command)
{
    static const char missing[] = "the following required arguments were not provided:";
    uint32_t lost = command->needs & ~w->given;
    const char *word = command->words;

    if (tool_has(w, TOOL_HELP) || tool_has(w, TOOL_VERSION))
        return true;
    for (int n = w->count; n > 0 && word != NULL; n--)
        word = strchr(word, ' ') != NULL ? strchr(word, ' ') + 1 : NULL;
    if (w->count < words_needed(command) && word != NULL)
        snprintf(w->error, sizeof w->error, "%s <%.*s>", missing, (int)strcspn(word, " "), word);
    else if (lost != 0)
        snprintf(w->error, sizeof w->error, "%s %s", missing,
                 spelling(&options[__builtin_ctz(lost)]));
    else
        return true;
    return false;
}

static const char *long_form(const char *word)
{
    return strcmp(word, "-h") == 0 ? "--help" : strcmp(word, "-V") == 0 ? "--version" : word;
}

char *const *tool_words_first(char *const *words)
{
    for (; *words != NULL && is_option(*words); words++) {
        enum tool_option option = find(*words + 2, strlen(*words + 1) - 1);
        bool has_value = option != TOOL_OPTIONS && options[option].kind != NONE;
        if (has_value && words[1] != NULL && !is_option(words[1]))
            words++;
    }
    return *words != NULL ? words : NULL;
}

/* One word, and the next one if it is the first's value. */
static bool take(struct tool_words *w, const struct tool_command *command, char *const **at)
{
    const char *word = long_form(**at);

    if (!w->only_words && strcmp(word, "--") == 0)
        w->only_words = true;
    else if (!w->only_words && strncmp(word, "--", 2) == 0)
        return take_option(w, command->takes | TOOL_BIT(TOOL_HELP), word, at);
    else if ((!w->only_words && is_option(word)) || w->count == words_needed(command))
        return unexpected(w, word);
    else
        w->word[w->count++] = word;
    return true;
}

bool tool_words_take(struct tool_words *w, const struct tool_command *command, char *const *words,
                     char *const *name)
{
    *w = (struct tool_words){.count = 0};
    for (; *words != NULL; words++)
        if (words != name && !take(w, command, &words))
            return false;
    return has_all(w, command);
}

static void print_row(const char *left, const char *help)
{
    tool_say(TOOL_OUT, "  %-*s %s\n", HELP_COLUMN, left, help);
}

void tool_commands_help(const struct tool_command *commands, size_t count)
{
    char left[64];

    for (size_t i = 0; i < count; i++) {
        snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].words);
        print_row(left, commands[i].help);
    }
}

void tool_options_help(uint32_t takes)
{
    char left[64];

    for (int i = 0; i < TOOL_OPTIONS; i++) {
        snprintf(left, sizeof left, "--%s %s", options[i].name, options[i].value);
        if (takes & TOOL_BIT(i))
            print_row(left, options[i].help);
    }
}
