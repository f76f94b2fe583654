/* SPDX-License-Identifier: MIT */
/*
 * The verbs that are one request and one answer on a fresh connection. The fields
 * and their order are those of the real client (protocol StereOS, messages host to
 * guest).
 */
#include "qemu/motectl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "qemu/motectl/answer.h"
#include "qemu/motectl/content.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/exchange.h"

#define SHOWN_MAX 256 /* bytes shown of a text in the health answer */

enum status verb_ping(const struct call *call)
{
    struct request r;
    struct answer answer;
    enum status status;
    double ms;

    request_start(&r, "ping");
    status = exchange(call, &r, &answer);
    if (status == STATUS_OK)
        status = answer_check(answer.line, answer.len, "pong", "ping");
    if (status == STATUS_OK) {
        ms = (double)answer.elapsed_ns / (double)MS_NS;
        printf(wants_json(call) ? "{\"elapsed_ms\":%.3f}\n" : "pong after %.3f ms\n", ms);
    }
    return status;
}

static void print_agent(const struct agent *agent)
{
    char text[SHOWN_MAX];

    printf("agent %s: %s", printable(agent->name, text, sizeof(text)),
           agent->running ? "running" : "not running");
    if (agent->session.json_len > 0)
        printf(", session %s", printable(agent->session, text, sizeof(text)));
    printf(", %u restarts", agent->restarts);
    if (agent->error.json_len > 0)
        printf(", error: %s", printable(agent->error, text, sizeof(text)));
    putchar('\n');
}

static void print_health(struct health *health)
{
    char state[SHOWN_MAX];
    struct agent agent;
    bool found;

    printf("%s, up %u s\n", printable(health->state, state, sizeof(state)), health->uptime_seconds);
    while (answer_next_agent(health, &agent, &found) == STATUS_OK && found)
        print_agent(&agent);
}

enum status verb_health(const struct call *call)
{
    struct request r;
    struct answer answer;
    struct health health;
    enum status status;

    request_start(&r, "get_health");
    status = exchange(call, &r, &answer);
    if (status != STATUS_OK)
        return status;
    status = answer_health(answer.line, answer.len, &health);
    if (wants_json(call))
        print_line(answer.line, answer.len);
    else if (status == STATUS_OK)
        print_health(&health);
    return status;
}

enum status verb_config_set(const struct call *call)
{
    struct request r;
    const char *content;
    size_t len;
    enum status status = content_read(call->args[0], &content, &len);

    if (status != STATUS_OK)
        return status;
    request_start(&r, "set_config");
    request_payload(&r);
    request_string(&r, "content", content, len);
    content_wipe(); /* a configuration may hold secrets */
    return exchange_ack(call, &r);
}

enum status verb_ssh_key_add(const struct call *call)
{
    struct request r;
    const char *key;
    size_t len;
    enum status status = content_read(call->args[1], &key, &len);

    if (status != STATUS_OK)
        return status;
    request_start(&r, "inject_ssh_key");
    request_payload(&r);
    request_string(&r, "user", call->args[0], strlen(call->args[0]));
    request_string(&r, "public_key", key, len);
    return exchange_ack(call, &r);
}

enum status verb_mount(const struct call *call)
{
    const char *type = call->options->fs_type;
    struct request r;

    request_start(&r, "mount");
    request_payload(&r);
    request_string(&r, "tag", call->args[0], strlen(call->args[0]));
    request_string(&r, "guest_path", call->args[1], strlen(call->args[1]));
    request_string(&r, "fs_type", type, strlen(type));
    if ((call->options->given & OPTION_READ_ONLY) != 0)
        request_true(&r, "read_only");
    return exchange_ack(call, &r);
}

enum status verb_shutdown(const struct call *call)
{
    struct request r;

    request_start(&r, "shutdown");
    request_payload(&r);
    if (call->count > 0 && call->args[0][0] != '\0')
        request_string(&r, "reason", call->args[0], strlen(call->args[0]));
    return exchange_ack(call, &r);
}

/* The members of an array or an object on one line, without the marks of JSON. */
static void print_members(const char *title, struct json_raw json)
{
    static char text[STEREOS_PEER_LINE_MAX + 1];

    if (json.json == NULL || json.len < 2)
        return;
    printf("%s: ", title);
    printable((struct text){json.json + 1, json.len - 2}, text, sizeof(text));
    for (const char *c = text; *c != '\0'; c++)
        if (*c != '"')
            printf(*c == ',' ? ", " : *c == ':' ? " " : "%c", *c);
    putchar('\n');
}

enum status verb_capabilities(const struct call *call)
{
    struct request r;
    struct answer answer;
    struct capabilities c;
    char agent[SHOWN_MAX], version[SHOWN_MAX], platform[SHOWN_MAX];
    enum status status;

    request_start(&r, "capabilities");
    status = exchange(call, &r, &answer);
    if (status != STATUS_OK)
        return status;
    status = answer_capabilities(answer.line, answer.len, &c);
    if (wants_json(call)) {
        print_line(answer.line, answer.len);
    } else if (status == STATUS_OK) {
        printf("%s %s on %s, protocol %u\n", printable(c.agent, agent, sizeof(agent)),
               printable(c.version, version, sizeof(version)),
               printable(c.platform, platform, sizeof(platform)), c.protocol);
        print_members("messages", c.messages);
        print_members("limits", c.limits);
    }
    return status;
}
