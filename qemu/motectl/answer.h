/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's answers as the real host client does, with its error texts
 * (protocol StereOS, host client behaviour). Unlike it, an ack that says no is
 * shown also when it names no request or comes in the place of another answer.
 */
#ifndef MOTECTL_ANSWER_H
#define MOTECTL_ANSWER_H

#include "proto/stereos.h"
#include "qemu/motectl/output.h"

struct health {
    struct text state;
    struct json_raw agents;
    uint32_t uptime_seconds;
};

struct agent {
    struct text name;
    bool running;
    struct text session;
    uint32_t restarts;
    struct text error;
};

/* Checks that line is the answer of type expected ("ack", "pong") to request. */
enum status answer_check(const char *line, size_t len, const char *expected, const char *request);

/* The same for a health answer, and reads it. The texts are views into line; all agents are
 * checked. */
enum status answer_health(const char *line, size_t len, struct health *health);

/* Takes the next agent off health->agents. Sets *found to false at the end. */
enum status answer_next_agent(struct health *health, struct agent *agent, bool *found);

/* Whether line is an ack that says no; fails with its error text if so. Anything else is fine. */
enum status answer_refusal(const char *line, size_t len);

#endif
