/* SPDX-License-Identifier: MIT */
/* What mote does when somebody in the guest types it: help and the like here, one row per verb,
 * and the agent's verbs (platform/tool.h). */
#include "platform/tool.h"

#include "platform/linux/console.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/events.h"
#include "platform/linux/life.h"
#include "platform/linux/options.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

/* Where the host is, as --listen has it; for tests, and where it is not at vsock. */
#define HOST_VARIABLE "MOTE_HOST="

#define HELP_COLUMN 26 /* no verb with its words is longer */

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
           "       mote VERB ...\n"
           "As process 1 mote takes its options from the kernel's command line, as\n"
           "mote.OPTION=VALUE (listen is mote.listen there), and looks after the machine.\n\n"
           "verbs:\n");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        printf("  %-*s%s\n", HELP_COLUMN - 2, verbs[i].name, verbs[i].help);
    for (const struct tool_verb *v = tool_verbs; v->name != NULL; v++) {
        int used = printf("  %s %s", v->name, v->words);
        printf("%*s%s\n", HELP_COLUMN - used, "", v->help);
    }
    printf("\nThe second kind asks the host at vsock CID 2, or where MOTE_HOST=unix:PATH says:\n"
           "its port N is the unix socket PATH_N. mote VERB --help has more.\n\noptions:\n");
    options_print();
    return 0;
}

/* The value of MOTE_HOST; NULL: nobody has set it. */
static const char *host(void)
{
    const size_t n = sizeof HOST_VARIABLE - 1;

    for (const char *const *e = life_environment(); *e != NULL; e++)
        if (strncmp(*e, HOST_VARIABLE, n) == 0)
            return *e + n;
    return NULL;
}

/* Whoever has closed a standard stream shall not find a socket in its place. */
static void fill_streams(void)
{
    long fd;

    while ((fd = sys_open("/dev/null", O_RDWR, 0)) >= 0 && fd <= TOOL_ERR)
        ;
    sys_close((int)fd);
}

/* Makes what the agent's verbs stand on; the exit status if that fails, and why was said. */
static int begin(void)
{
    const char *where = host();
    char listen[] = "--listen", vsock[] = "vsock";
    char *words[] = {listen, where != NULL ? (char *)(uintptr_t)where : vsock, NULL};

    fill_streams();
    console_use(TOOL_ERR);
    if (where != NULL && strncmp(where, "unix:", 5) != 0 && strcmp(where, vsock) != 0) {
        printf("mote: MOTE_HOST=%s: vsock or unix:PATH\n", where);
        return EXIT_USAGE;
    }
    if (options_from_arguments(words) != 0)
        return EXIT_USAGE;
    long result = events_start();
    if (result == 0)
        return EXIT_OK;
    printf("mote: epoll: %s: this kernel is too small\n", errno_text(result));
    return EXIT_FAILED;
}

static int run(const struct tool_verb *v, char *const *words)
{
    int status = begin();

    return status == EXIT_OK ? v->run(words) : status;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* By the name that we were started with, or by the first word. */
static const struct tool_verb *find(const char *name, bool is_link)
{
    for (const struct tool_verb *v = tool_verbs; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0 && (v->is_link || !is_link))
            return v;
    return NULL;
}

int tool_run(char *const *arguments)
{
    const struct tool_verb *v;
    const char *word;

    if (arguments[0] == NULL)
        return -1;
    if ((v = find(last_name(arguments[0]), true)) != NULL)
        return run(v, arguments + 1);
    if ((word = arguments[1]) == NULL)
        return -1;
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (strcmp(word, synonyms[i].word) == 0)
            word = synonyms[i].verb;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(word, verbs[i].name) == 0)
            return verbs[i].run();
    v = find(word, false);
    return v != NULL ? run(v, arguments + 2) : -1;
}
