/* SPDX-License-Identifier: MIT */
/*
 * What a workload is, as its line says: [OPTION=VALUE ...] [--] COMMAND [ARGUMENT ...].
 * Pure: text in, struct out.
 */
#ifndef AGENT_WORKLOAD_CONFIG_H
#define AGENT_WORKLOAD_CONFIG_H

#include "agent/health.h"
#include "agent/words.h"

/* Options, command and arguments of one: more than any command line that people keep in a file. */
#define WORKLOAD_WORDS_MAX 128
/* Their bytes: twice what a kernel's command line can hold. */
#define WORKLOAD_TEXT_MAX 8192

#define WORKLOAD_BUDGET_DEFAULT 5
#define WORKLOAD_WINDOW_DEFAULT 60
#define WORKLOAD_NUMBER_MAX     1000000 /* of restarts, of seconds */

enum workload_restart {
    WORKLOAD_RESTART_NO,
    WORKLOAD_RESTART_ON_FAILURE, /* when its status is not 0 */
    WORKLOAD_RESTART_ALWAYS,
};

enum workload_sink {
    WORKLOAD_CONSOLE, /* line by line, each with the name in front */
    WORKLOAD_RING,    /* the newest bytes are kept, and can be asked for */
};

struct workload_config {
    char name[HEALTH_NAME_MAX + 1];
    bool named;       /* by name=, not after its command */
    const char *dir;  /* NULL: / */
    const char *user; /* a name, or UID[:GID]; NULL: as mote itself */
    enum workload_restart restart;
    uint32_t budget;   /* restarts */
    uint32_t window_s; /* within so many seconds */
    enum workload_sink output;
    bool exit; /* when it has ended for good, so does the guest, with its status */
    /* Both end with NULL. */
    const char *env[WORKLOAD_WORDS_MAX + 1];
    const char *const *command;
    /* What they point to. */
    const char *words[WORKLOAD_WORDS_MAX + 1];
    char text[WORKLOAD_TEXT_MAX];
};

/*
 * Takes the first line off s and reads it. Returns the bytes that it had. command is NULL when
 * it holds nothing. *error: what is wrong ("restart=sometimes: no, on-failure or always"), and
 * *error_at where in s; what was read until then stands. name is empty when the line gives none
 * and no command to take it from.
 */
size_t workload_config_take(struct workload_config *c, const char *s, size_t len, struct out *error,
                            size_t *error_at);

/* Reads a decimal number up to WORKLOAD_NUMBER_MAX; false when s is no such. */
bool workload_number(const char *s, uint32_t *value);

#endif
