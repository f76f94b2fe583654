/* SPDX-License-Identifier: MIT */
/* What mote does when somebody in the guest types it: one row per verb. */
#include "platform/linux/life.h"

#include "platform/linux/options.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

static int help(void);

static int version(void)
{
    printf("mote %s, %s\n", MOTE_VERSION, platform_name);
    return 0;
}

static const struct verb {
    const char *name;
    const char *help;
    int (*run)(void);
} verbs[] = {
    {"help", "this text", help},
    {"version", "mote's version", version},
};

/* What else people type for the same. */
static const struct {
    const char *word;
    const char *verb;
} synonyms[] = {{"--help", "help"}, {"-h", "help"}, {"--version", "version"}, {"-V", "version"}};

static int help(void)
{
    printf("usage: mote [OPTION ...]   serve the host, as a service of this guest\n"
           "       mote VERB\n"
           "As process 1 mote takes its options from the kernel's command line, as\n"
           "mote.OPTION=VALUE (listen is mote.listen there), and looks after the machine.\n\n"
           "verbs:\n");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        printf("  %-22s%s\n", verbs[i].name, verbs[i].help);
    printf("\noptions:\n");
    options_print();
    return 0;
}

int tool_run(char *const *words)
{
    const char *word = words[0];

    if (word == NULL)
        return -1;
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (strcmp(word, synonyms[i].word) == 0)
            word = synonyms[i].verb;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(word, verbs[i].name) == 0)
            return verbs[i].run();
    return -1;
}
