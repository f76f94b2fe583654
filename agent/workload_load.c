/* SPDX-License-Identifier: MIT */
/* Which workloads there are: those of the command line, then those of the file. */
#include "agent/workload.h"

#include "platform/platform.h"
#include "platform/text_file.h"

#include <stdio.h>

#define FILE_DEFAULT "/etc/mote/workloads"
#define PATH_SIZE    256

/* As much as all workloads may have, and half as much of comments. */
#define FILE_MAX (WORKLOADS_MAX * WORKLOAD_TEXT_MAX * 3 / 2)

/* Names that stand in front of lines of ours. */
static const char *const reserved[] = {"mote", "EXIT"};

/* A list that is being filled, and where its next line comes from. */
struct loader {
    struct workload *list;
    unsigned count;
    const char *source;
    unsigned line;
};

static bool is_taken(const struct loader *l, const char *name)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    for (unsigned i = 0; i < l->count; i++)
        if (strcmp(name, l->list[i].config.name) == 0)
            return true;
    return false;
}

/* The name with a number behind it: the first that is free. */
static void choose_name(const struct loader *l, char name[HEALTH_NAME_MAX + 1])
{
    char base[HEALTH_NAME_MAX + 1];

    strcpy(base, name[0] != '\0' ? name : "workload");
    strcpy(name, base);
    for (unsigned n = 2; is_taken(l, name); n++)
        snprintf(name, HEALTH_NAME_MAX + 1, "%.*s-%u", HEALTH_NAME_MAX - 3, base, n);
}

/* line: 0: the source has none. */
static void refuse(const struct loader *l, struct workload *w, const char *error, unsigned line)
{
    w->state = WORKLOAD_REFUSED;
    snprintf(w->error, sizeof w->error, "%.*s", HEALTH_ERROR_MAX, error);
    printf("mote: %s", l->source);
    if (line != 0)
        printf(":%u", line);
    printf(": %s: %s is not started\n", error, w->config.name);
}

static unsigned count_lines(const char *s, size_t n)
{
    unsigned lines = 0;

    for (const char *end = s + n; s < end; s++)
        lines += *s == '\n';
    return lines;
}

static void too_many(const struct loader *l)
{
    static const char why[] = "too many workloads";

    printf("mote: %s: more than %d workloads: the rest is not started\n", l->source, WORKLOADS_MAX);
    health_trouble(why, sizeof why - 1);
}

/* What is wrong with a workload besides its line. alone: that line is all there may be. */
static void check(const struct loader *l, const struct workload_config *c, bool alone, bool more,
                  struct out *error)
{
    if (error->len != 0)
        return;
    if (alone && more)
        out_str(error, "a newline outside of quotes");
    else if (c->command == NULL)
        out_str(error, "no command");
    else if (c->named && is_taken(l, c->name))
        out_str(error, "the name is taken");
}

/* Adds what the first line of s is for, unless it holds nothing, which is an error when it is
 * alone; *taken: the bytes that it had. False: there is no room for another. */
static bool add_line(struct loader *l, const char *s, size_t len, bool alone, size_t *taken)
{
    static struct workload one_more;
    char text[256];
    struct out error = out_to(text, sizeof text - 1);
    struct workload *w = l->count < WORKLOADS_MAX ? &l->list[l->count] : &one_more;
    size_t at, n = *taken = workload_config_take(&w->config, s, len, &error, &at);
    unsigned line = l->line + count_lines(s, at);

    l->line += count_lines(s, n);
    if (!alone && error.len == 0 && w->config.command == NULL)
        return true;
    if (w == &one_more) {
        too_many(l);
        return false;
    }
    check(l, &w->config, alone, n < len, &error);
    choose_name(l, w->config.name);
    text[error.len] = '\0';
    if (error.len != 0)
        refuse(l, w, text, alone ? 0 : line);
    l->count++;
    return true;
}

static void load_options(struct loader *l)
{
    const char *option = NULL;
    size_t len, n;

    l->source = "mote.run";
    while ((option = platform_option("mote.run", option, &len)) != NULL)
        if (!add_line(l, option, len, true, &n))
            return;
}

static void load_text(struct loader *l, const char *s, size_t len)
{
    for (size_t n = 0; len != 0; s += n, len -= n)
        if (!add_line(l, s, len, false, &n))
            return;
}

/* A file that cannot be read is a workload that is not started. */
static void refuse_file(struct loader *l, const char *why)
{
    if (l->count == WORKLOADS_MAX) {
        too_many(l);
        return;
    }
    struct workload *w = &l->list[l->count];
    strcpy(w->config.name, "workloads");
    choose_name(l, w->config.name);
    refuse(l, w, why, 0);
    l->count++;
}

static void load_file(struct loader *l)
{
    static char path[PATH_SIZE] = FILE_DEFAULT;
    static char text[FILE_MAX];
    const char *fault;
    size_t len;
    const char *option = platform_last_option("mote.workloads", &len);

    if (option != NULL)
        snprintf(path, sizeof path, "%.*s", (int)len, option);
    l->source = path;
    int n = text_file_read(path, text, sizeof text, &fault);
    l->line = 1;
    if (n >= 0)
        load_text(l, text, (size_t)n);
    else if (n != MOTE_ERR_NOT_FOUND || option != NULL)
        refuse_file(l, fault);
}

unsigned workload_load(struct workload list[WORKLOADS_MAX])
{
    struct loader l = {.list = list};

    load_options(&l);
    load_file(&l);
    return l.count;
}
