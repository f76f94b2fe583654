/* SPDX-License-Identifier: MIT */
/*
 * motectl: asks the agent in a guest for one thing and ends. Here are help and
 * the way from the command line to a verb. The program keeps no state and, libcrypto
 * aside, takes no memory beyond its static buffers.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/verbs.h"

static struct stream stream;

/* How many of the words are the verb's name; 0: it isn't this verb. */
static int match_verb(const struct verb *verb, char **words, int count)
{
    size_t first = strcspn(verb->name, " ");
    const char *second = verb->name[first] == '\0' ? NULL : verb->name + first + 1;

    if (count == 0 || strlen(words[0]) != first || memcmp(words[0], verb->name, first) != 0)
        return 0;
    if (second == NULL)
        return 1;
    return count > 1 && strcmp(words[1], second) == 0 ? 2 : 0;
}

static void print_program_help(void)
{
    const struct verb *verb;

    puts("Usage: motectl [--timeout SECONDS] [--json] ADDRESS VERB [ARGS]\n"
         "       motectl help VERB\n\n"
         "Asks the agent in a guest for one thing.\n\n"
         "ADDRESS, or MOTE_ADDRESS in the environment, is one of\n"
         "  unix:PATH:PORT    a VMM's hybrid vsock socket: CONNECT PORT is said first\n"
         "  unix:PATH         a unix socket\n"
         "  vsock:CID:PORT    vsock; without :PORT, 1024\n"
         "  tcp:HOST:PORT     TCP\n\n"
         "VERB is one of");
    for (size_t i = 0; (verb = verb_at(i)) != NULL; i++)
        printf("  %-14s %s\n", verb->name, verb->summary);
    puts("\nOptions:\n"
         "  --timeout SECONDS  of each operation; 10, for wait 60, with a TPM 300\n"
         "  --json             print the answer's line as it came (wait, ping: an object)\n"
         "  --help, --version\n\n"
         "Exit codes: 0; 1 the guest said no, or it is not verified; 124 no answer in time; 125 "
         "motectl failed.");
}

static void print_verb_help(const struct verb *verb)
{
    printf("Usage: motectl [--timeout SECONDS] [--json] ADDRESS %s%s%s\n\n%c%s.\n%s", verb->name,
           verb->synopsis[0] != '\0' ? " " : "", verb->synopsis,
           toupper((unsigned char)verb->summary[0]), verb->summary + 1, verb->details);
}

/* Of every verb whose name begins with the word, as the user may not know the rest. */
static enum status print_help_of_all(const char *word)
{
    size_t len = strlen(word);
    const struct verb *verb;
    bool found = false;

    for (size_t i = 0; (verb = verb_at(i)) != NULL; i++) {
        if (strcspn(verb->name, " ") == len && memcmp(word, verb->name, len) == 0) {
            fputs(found ? "\n" : "", stdout);
            print_verb_help(verb);
            found = true;
        }
    }
    return found ? STATUS_OK : fail(STATUS_FAILED, "unknown verb %s; see motectl --help", word);
}

/* The verb that the words begin with, and how many of them it took; NULL: none. */
static const struct verb *find_verb(char **words, int count, int *used)
{
    const struct verb *verb;

    for (size_t i = 0; (verb = verb_at(i)) != NULL; i++) {
        *used = match_verb(verb, words, count);
        if (*used > 0)
            return verb;
    }
    return NULL;
}

static enum status print_help(char **words, int count)
{
    int used;

    if (count > 0 && strcmp(words[0], "help") == 0) {
        words++;
        count--;
    }
    const struct verb *verb = find_verb(words, count, &used);
    if (verb == NULL && count > 0)
        return print_help_of_all(words[0]);
    if (verb == NULL)
        print_program_help();
    else
        print_verb_help(verb);
    return STATUS_OK;
}

static enum status check_usage(const struct verb *verb, const struct options *options, int count)
{
    uint32_t wrong = options->given & ~(verb->options | OPTIONS_COMMON);

    if (wrong != 0) {
        return fail(STATUS_FAILED, "%s takes no --%s; see motectl help %s", verb->name,
                    option_name(wrong & ~(wrong - 1)), verb->name);
    }
    if (count > verb->max && verb->extra != NULL)
        return fail(STATUS_FAILED, "%s", verb->extra);
    if (count < verb->min || count > verb->max) {
        return fail(STATUS_FAILED, "too %s arguments; usage: motectl ADDRESS %s %s",
                    count < verb->min ? "few" : "many", verb->name, verb->synopsis);
    }
    return STATUS_OK;
}

/* Runs the verb that the words name, against the guest at address. */
static enum status run_verb(const struct options *options, const char *address_text, char **words,
                            int count)
{
    struct address address;
    enum status status;
    int used;
    const struct verb *verb = find_verb(words, count, &used);

    if (verb == NULL) {
        return fail(STATUS_FAILED, "%s%s; see motectl --help",
                    count > 0 ? "unknown verb " : "no verb given", count > 0 ? words[0] : "");
    }
    status = check_usage(verb, options, count - used);
    if (status == STATUS_OK && address_text == NULL) {
        status =
            fail(STATUS_FAILED, "no address: give one in front of the verb or in MOTE_ADDRESS");
    }
    if (status == STATUS_OK)
        status = address_parse(address_text, &address);
    if (status != STATUS_OK)
        return status;
    return verb->run(&(struct call){
        .address = &address,
        .options = options,
        .args = words + used,
        .count = count - used,
        .timeout_ns = options->timeout_ns != 0 ? options->timeout_ns : verb->timeout_ns,
        .stream = &stream,
    });
}

static enum status run(int argc, char **argv)
{
    struct options options;
    enum status status = options_parse(argc, argv, &options);
    const char *address = getenv("MOTE_ADDRESS");
    char **words = options.words;
    int count = options.word_count;

    if (status != STATUS_OK)
        return status;
    if ((options.given & OPTION_VERSION) != 0) {
        puts("motectl " MOTE_VERSION);
        return STATUS_OK;
    }
    /* No verb has a colon, every address has one. */
    if (count > 0 && strchr(words[0], ':') != NULL) {
        address = *words++;
        count--;
    }
    if ((options.given & OPTION_HELP) != 0 || (count > 0 && strcmp(words[0], "help") == 0))
        return print_help(words, count);
    return run_verb(&options, address, words, count);
}

int main(int argc, char **argv)
{
    static char line[BUFSIZ]; /* by lines, so that answers can be followed as they come */
    enum status status;

    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, line, _IOLBF, sizeof(line));
    status = run(argc > 0 ? argc - 1 : 0, argv + 1);
    if (status != STATUS_OK)
        fprintf(stderr, "motectl: %s\n", failure());
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("motectl: cannot write to standard output\n", stderr);
        return status == STATUS_OK ? STATUS_FAILED : (int)status;
    }
    return (int)status;
}
