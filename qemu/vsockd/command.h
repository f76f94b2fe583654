/* SPDX-License-Identifier: MIT */
/*
 * The words of a control line, as a value: what is asked for and of what. Nothing is
 * done here, and nothing but the words is checked. The commands are described in one
 * place, command_print().
 */
#ifndef QEMU_VSOCKD_COMMAND_H
#define QEMU_VSOCKD_COMMAND_H

#include "qemu/vsockd/fault.h"

enum command_kind {
    COMMAND_FAULT,       /* fault; number: the victim's port */
    COMMAND_END,         /* all faults */
    COMMAND_EVENT_QUEUE, /* number: where it is */
    COMMAND_RESET,       /* number: the new CID */
};

struct command {
    enum command_kind kind;
    const struct fault_row *fault;
    bool has_number;
    uint64_t number;
};

/* Reads a line (without its '\n', and written to). Returns NULL, or what is wrong with it. */
const char *command_parse(char *line, struct command *command);

/* Describes the commands and the faults. */
void command_print(FILE *to);

#endif
