/* SPDX-License-Identifier: MIT */
/* What the tests of jobs share: a host that asks, and one that is dialled. */
#ifndef TESTS_UNIT_JOBS_H
#define TESTS_UNIT_JOBS_H

#include "agent/job.h"
#include "agent/services.h"
#include "platform/platform.h"
#include "tests/unit/fake_endpoint.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define CONTROL 20 /* number of a connection to the control port */

static char reply[ENDPOINT_SEND_BUFFER + 1];
static size_t room;
static const char *const *words; /* of the command line */

const char *platform_option(const char *key, const char *after, size_t *len)
{
    size_t n = strlen(key);
    bool found = after == NULL;

    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (found && strncmp(words[i], key, n) == 0 && words[i][n] == '=') {
            *len = strlen(words[i] + n + 1);
            return words[i] + n + 1;
        }
        found |= words[i] + n + 1 == after;
    }
    return NULL;
}

/* The answer to a line on a connection; NULL: there is none yet. */
static inline const char *ask_on(int conn, const char *line)
{
    char *exact = test_malloc(strlen(line));
    struct out o = out_to(reply, room);

    memcpy(exact, line, strlen(line));
    bool answered = dispatch_line(conn, exact, strlen(line), &o);
    test_free(exact);
    reply[o.len] = '\0';
    return answered ? reply : NULL;
}

static inline const char *ask(const char *line)
{
    return ask_on(CONTROL, line);
}

#define REQUEST(type, payload) "{\"type\":\"" type "\",\"payload\":{" payload "}}"
#define HOSTOS(payload)        REQUEST("hostos", payload)
#define VERSION                HOSTOS("\"command\":\"get-hostos-version\"")
#define ACK(type, error)                                                                           \
    "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"" type "\",\"ok\":false,\"error\":\"" error     \
    "\"}}\n"

/* An answer of a job, whose id is any. */
static inline void assert_job(const char *got, const char *rest)
{
    static const char start[] = "{\"type\":\"job\",\"payload\":{\"id\":";

    assert_non_null(got);
    assert_memory_equal(got, start, strlen(start));
    got = strchr(got + strlen(start), ',');
    assert_string_equal(got + 1, rest);
}

static inline unsigned id_of(const char *got)
{
    unsigned id = 0;

    assert_int_equal(sscanf(got, "{\"type\":\"job\",\"payload\":{\"id\":%u,", &id), 1);
    return id;
}

static inline const char *ask_for(unsigned id)
{
    char line[80];

    snprintf(line, sizeof line, REQUEST("job", "\"id\":%u"), id);
    return ask(line);
}

static inline void tell(enum endpoint_event_type type, int conn)
{
    client_event(&(struct endpoint_event){.type = type, .conn = conn, .error = MOTE_ERR_REFUSED});
}

/* HostOS answers on a connection of ours. */
static inline void answer_up(int conn, const char *text)
{
    fake_endpoint_receive(conn, text, strlen(text));
    tell(ENDPOINT_DATA, conn);
    tell(ENDPOINT_CLOSED, conn);
}

static inline void answer_on(int conn, const char *text)
{
    tell(ENDPOINT_CONNECTED, conn);
    answer_up(conn, text);
}

static inline int set_up(void **state)
{
    (void)state;
    for (uint32_t id = 1; id < 1000; id++)
        if (client_find(id) != NULL)
            client_free(client_find(id));
    fake_endpoint_reset();
    room = STEREOS_REPLY_MAX;
    words = NULL;
    return 0;
}

#endif
