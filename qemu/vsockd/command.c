/* SPDX-License-Identifier: MIT */
/* See command.h. A line is a name and at most two words, with one blank between them. */
#include "qemu/vsockd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 3

static const char help[] =
    "One command per line, each answered by \"ok\" once it is done, or \"error: <why>\":\n"
    "\n"
    "  fault NAME [PORT]  misbehave; PORT: the host's port (as in \"OK <port>\") of the\n"
    "                     connection that suffers, where the list below has a P\n"
    "  fault none         behave again\n"
    "  event-queue ADDR   tells where mote's struct virtqueue of the event queue is:\n"
    "                     QEMU does not let a back end know\n"
    "  reset [CID]        a transport reset: all connections end; with a new CID for the guest\n";

void command_print(FILE *to)
{
    fputs(help, to);
    fputs("\nFaults:\n", to);
    fault_print(to);
}

/* Cuts line into words; their number, or WORDS_MAX + 1 for too many. */
static int split(char *line, char **words)
{
    int n = 0;
    char *rest = line;

    for (char *word; (word = strsep(&rest, " ")) != NULL; n++) {
        if (n == WORDS_MAX)
            return n + 1;
        words[n] = word;
    }
    return n;
}

/* Decimal, or hexadecimal behind 0x. */
static bool parse_number(const char *word, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(word, &end, 0);
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && errno == 0;
}

static const char *parse_fault(const char *name, struct command *command)
{
    bool end = strcmp(name, "none") == 0;

    command->kind = end ? COMMAND_END : COMMAND_FAULT;
    command->fault = fault_find(name);
    if (!end && command->fault == NULL)
        return "no fault has this name";
    if (command->has_number != (!end && command->fault->needs_victim))
        return command->has_number ? "no port is expected" : "a port is expected";
    return NULL;
}

const char *command_parse(char *line, struct command *command)
{
    char *words[WORDS_MAX] = {line};
    int n = split(line, words);
    bool fault = strcmp(words[0], "fault") == 0;
    int first = fault ? 2 : 1; /* the word that may be a number */

    *command = (struct command){.has_number = n == first + 1};
    if (n < first || n > first + 1)
        return "too few or too many words";
    if (command->has_number && !parse_number(words[first], &command->number))
        return "not a number";
    if (fault)
        return parse_fault(words[1], command);
    if (strcmp(words[0], "reset") == 0) {
        command->kind = COMMAND_RESET;
        return NULL;
    }
    if (strcmp(words[0], "event-queue") == 0) {
        command->kind = COMMAND_EVENT_QUEUE;
        return command->has_number ? NULL : "an address is expected";
    }
    return "not a command";
}
