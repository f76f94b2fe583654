/* SPDX-License-Identifier: MIT */
/*
 * The command line: options, which may stand anywhere and look the same for every
 * verb, and the words between them. Which verb takes which option is the verbs'
 * business (verbs.h).
 */
#ifndef MOTECTL_OPTIONS_H
#define MOTECTL_OPTIONS_H

#include "qemu/motectl/output.h"

#define WORDS_MAX                                                                                  \
    8 /* the longest command, ADDRESS secret put NAME, has 4; the rest is an error                 \
       */

/* Which options were given, and which a verb takes. */
#define OPTION_TIMEOUT   (1u << 0)
#define OPTION_JSON      (1u << 1)
#define OPTION_HELP      (1u << 2)
#define OPTION_VERSION   (1u << 3)
#define OPTION_FOR       (1u << 4)
#define OPTION_MODE      (1u << 5)
#define OPTION_FILE      (1u << 6)
#define OPTION_TYPE      (1u << 7)
#define OPTION_READ_ONLY (1u << 8)
#define OPTION_FOLLOW    (1u << 9)
#define OPTION_WAIT      (1u << 10)
#define OPTION_PORT      (1u << 11)
#define OPTION_COUNT     (1u << 12)
#define OPTION_LEGACY    (1u << 13)
#define OPTION_DATA      (1u << 14)
#define OPTION_CRED      (1u << 15)
#define OPTION_SECRET    (1u << 16)
#define OPTION_CMD_ID    (1u << 17)
#define OPTION_CHECKSUM  (1u << 18)
#define OPTION_PCRS      (1u << 19)
#define OPTION_NONCE     (1u << 20)
#define OPTION_VERIFY    (1u << 21)
#define OPTION_CA        (1u << 22)
#define OPTION_EK        (1u << 23)
#define OPTION_NAME      (1u << 24)
#define OPTION_OUT       (1u << 25)
#define OPTION_SEALED    (1u << 26)
#define OPTION_BLOB      (1u << 27)
#define OPTION_RAW       (1u << 28)

/* What every verb takes. */
#define OPTIONS_COMMON (OPTION_TIMEOUT | OPTION_JSON | OPTION_HELP | OPTION_VERSION)

struct options {
    uint32_t given;     /* OPTION_ bits */
    int64_t timeout_ns; /* 0: the verb's default */
    const char *wait_state;
    uint32_t mode;
    const char *file; /* NULL: standard input */
    const char *fs_type;
    uint32_t port, count;
    const char *data, *cred, *secret; /* base64 */
    const char *cmd_id;
    const char *pcrs, *nonce;      /* NULL: not given, as those below */
    const char *ca, *ek;           /* files */
    const char *name, *out, *blob; /* of a secret; a file or directory; a file */
    char *words[WORDS_MAX];        /* NULL behind the last, as far as verbs look */
    int word_count;
};

/* Reads the command line, without argv[0]. */
enum status options_parse(int count, char **args, struct options *options);

/* A number of 32 bits, decimal or 0x and hexadecimal. */
bool options_number(const char *text, uint32_t *value);

/* The name of an option, without its dashes. */
const char *option_name(uint32_t bit);

#endif
