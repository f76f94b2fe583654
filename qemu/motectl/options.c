/* SPDX-License-Identifier: MIT */
/*
 * The table of options and its reader: --name, --name VALUE, --name=VALUE, and --
 * which ends them. A single dash is a word, standard input by custom.
 */
#include "qemu/motectl/options.h"

#include <stdlib.h>
#include <string.h>

#include "qemu/motectl/deadline.h"

#define TIMEOUT_MAX_S 1000000.0 /* eleven days; keeps deadlines far from overflow */
#define MODE_MAX      0777u     /* the guest takes no other bits */
#define MODE_DEFAULT  0600u     /* what the real client always sends */

struct option_row {
    const char *name;
    uint32_t bit;
    bool (*set)(struct options *options, const char *value); /* NULL: takes no value */
    const char *form;                                        /* what the value must be */
};

static bool set_timeout(struct options *options, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);

    if (end == value || *end != '\0' || !(seconds > 0 && seconds <= TIMEOUT_MAX_S))
        return false;
    options->timeout_ns = (int64_t)(seconds * (double)SECOND_NS);
    return true;
}

static bool set_for(struct options *options, const char *value)
{
    static const char *const states[] = {"booting", "ready", "healthy", "degraded", "shutdown"};

    options->wait_state = value;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(value, states[i]) == 0)
            return true;
    return false;
}

static bool set_mode(struct options *options, const char *value)
{
    options->mode = 0;
    for (const char *c = value; *c != '\0'; c++) {
        if (*c < '0' || *c > '7')
            return false;
        options->mode = options->mode * 8 + (uint32_t)(*c - '0');
        if (options->mode > MODE_MAX)
            return false;
    }
    return value[0] != '\0';
}

/* Options whose text the verbs look at. */
#define SET_TEXT(member)                                                                           \
    static bool set_##member(struct options *options, const char *value)                           \
    {                                                                                              \
        options->member = value;                                                                   \
        return true;                                                                               \
    }
SET_TEXT(file)
SET_TEXT(fs_type)
SET_TEXT(data)
SET_TEXT(cred)
SET_TEXT(secret)
SET_TEXT(cmd_id)
SET_TEXT(pcrs)
SET_TEXT(nonce)
SET_TEXT(ca)
SET_TEXT(ek)
SET_TEXT(name)
SET_TEXT(out)
SET_TEXT(blob)

bool options_number(const char *text, uint32_t *value)
{
    bool hex = strncmp(text, "0x", 2) == 0;
    const char *digits = hex ? text + 2 : text;
    unsigned long long number;
    char *end;

    if (strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789") == 0)
        return false;
    number = strtoull(digits, &end, hex ? 16 : 10);
    *value = (uint32_t)number;
    return *end == '\0' && strlen(digits) <= 10 && number <= UINT32_MAX;
}

static bool set_port(struct options *options, const char *value)
{
    return options_number(value, &options->port);
}

static bool set_count(struct options *options, const char *value)
{
    return options_number(value, &options->count);
}

static const struct option_row rows[] = {
    {"timeout", OPTION_TIMEOUT, set_timeout, "seconds, more than 0 and at most 1000000"},
    {"json", OPTION_JSON, NULL, NULL},
    {"help", OPTION_HELP, NULL, NULL},
    {"version", OPTION_VERSION, NULL, NULL},
    {"for", OPTION_FOR, set_for, "booting, ready, healthy, degraded or shutdown"},
    {"mode", OPTION_MODE, set_mode, "an octal number of at most 777"},
    {"file", OPTION_FILE, set_file, "a file's name"},
    {"type", OPTION_TYPE, set_fs_type, "a file-system type"},
    {"read-only", OPTION_READ_ONLY, NULL, NULL},
    {"follow", OPTION_FOLLOW, NULL, NULL},
    {"wait", OPTION_WAIT, NULL, NULL},
    {"port", OPTION_PORT, set_port, "a number of 32 bits"},
    {"count", OPTION_COUNT, set_count, "a number of 32 bits"},
    {"legacy", OPTION_LEGACY, NULL, NULL},
    {"data", OPTION_DATA, set_data, "base64"},
    {"cred", OPTION_CRED, set_cred, "base64"},
    {"secret", OPTION_SECRET, set_secret, "base64"},
    {"cmd-id", OPTION_CMD_ID, set_cmd_id, "what the host has handed out"},
    {"checksum", OPTION_CHECKSUM, NULL, NULL},
    {"pcrs", OPTION_PCRS, set_pcrs, "a selection of PCRs: sha256:0,7 or sha256:all"},
    {"nonce", OPTION_NONCE, set_nonce, "hexadecimal digits or a file's name"},
    {"verify", OPTION_VERIFY, NULL, NULL},
    {"ca", OPTION_CA, set_ca, "a file's name"},
    {"ek", OPTION_EK, set_ek, "a file's name"},
    {"name", OPTION_NAME, set_name, "a secret's name"},
    {"out", OPTION_OUT, set_out, "where to write"},
    {"sealed", OPTION_SEALED, NULL, NULL},
    {"blob", OPTION_BLOB, set_blob, "a file's name"},
    {"raw", OPTION_RAW, NULL, NULL},
};

static const struct option_row *find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

const char *option_name(uint32_t bit)
{
    size_t i = 0;

    while (i + 1 < sizeof(rows) / sizeof(rows[0]) && rows[i].bit != bit)
        i++;
    return rows[i].name;
}

/* Reads one option, text, whose value may be next; *used_next tells. */
static enum status parse_option(struct options *options, const char *text, const char *next,
                                bool *used_next)
{
    size_t len = strcspn(text, "=");
    const char *value = text[len] == '=' ? text + len + 1 : NULL;
    const struct option_row *row = find_row(text + 2, len < 2 ? 0 : len - 2);

    if (text[1] != '-' || row == NULL)
        return fail(STATUS_FAILED, "unknown option %.*s", (int)len, text);
    options->given |= row->bit;
    if (row->set == NULL)
        return value == NULL ? STATUS_OK : fail(STATUS_FAILED, "--%s takes no value", row->name);
    *used_next = value == NULL && next != NULL;
    value = *used_next ? next : value;
    if (value == NULL || !row->set(options, value))
        return fail(STATUS_FAILED, "--%s must be %s", row->name, row->form);
    return STATUS_OK;
}

static enum status add_word(struct options *options, char *word)
{
    if (options->word_count == WORDS_MAX)
        return fail(STATUS_FAILED, "more than %d words on the command line", WORDS_MAX);
    options->words[options->word_count++] = word;
    return STATUS_OK;
}

enum status options_parse(int count, char **args, struct options *options)
{
    enum status status = STATUS_OK;
    bool ended = false;

    *options = (struct options){.mode = MODE_DEFAULT, .fs_type = "9p"};
    for (int i = 0; i < count && status == STATUS_OK; i++) {
        bool used_next = false;

        if (ended || args[i][0] != '-' || args[i][1] == '\0')
            status = add_word(options, args[i]);
        else if (strcmp(args[i], "--") == 0)
            ended = true;
        else
            status = parse_option(options, args[i], i + 1 < count ? args[i + 1] : NULL, &used_next);
        i += used_next;
    }
    return status;
}
