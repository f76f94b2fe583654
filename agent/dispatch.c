/* SPDX-License-Identifier: MIT */
/*
 * The dispatch table: one row per message. A message either has an answer of its own,
 * or is acted on and acknowledged.
 */
#include "agent/dispatch.h"

#include "agent/health.h"
#include "agent/services.h"
#include "proto/stereos.h"

#include <string.h>

static const struct message {
    const char *type;
    void (*answer)(struct out *reply);
    void (*act)(const union stereos_payload *payload, struct out *error);
    const struct stereos_payload_type *payload;
    bool payload_optional; /* missing or wrong, it counts as empty */
} messages[] = {
    {.type = "ping", .answer = stereos_write_pong},
    {.type = "get_health", .answer = health_answer},
    {.type = "set_config", .act = config_set, .payload = &stereos_config_payload},
    {.type = "inject_secret", .act = secret_inject, .payload = &stereos_secret_payload},
    {.type = "inject_ssh_key", .act = ssh_key_inject, .payload = &stereos_ssh_key_payload},
    {.type = "mount", .act = mount_request, .payload = &stereos_mount_payload},
    {.type = "shutdown",
     .act = shutdown_request,
     .payload = &stereos_shutdown_payload,
     .payload_optional = true},
};

static const struct message *find(struct text type)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (text_equals(type, messages[i].type))
            return &messages[i];
    return NULL;
}

static void act(const struct message *m, const struct stereos_envelope *envelope, struct out *error)
{
    union stereos_payload payload;

    if (!stereos_read_payload(envelope, m->type, m->payload, &payload, error)) {
        if (!m->payload_optional)
            return;
        memset(&payload, 0, sizeof payload);
        error->len = 0;
    }
    m->act(&payload, error);
}

void dispatch_line(const char *line, size_t len, struct out *reply)
{
    char text[STEREOS_ERROR_ROOM], type[STEREOS_TYPE_MAX];
    struct out error = out_to(text, sizeof text);
    struct stereos_envelope envelope = {0};

    if (!stereos_read_envelope(line, len, &envelope, &error)) {
        stereos_write_ack(reply, "", 0, text, error.len);
        return;
    }
    const struct message *m = find(envelope.type);
    if (m != NULL && m->answer != NULL) {
        m->answer(reply);
        return;
    }
    if (m != NULL) {
        act(m, &envelope, &error);
    } else {
        out_str(&error, "unknown message type: ");
        out_text(&error, envelope.type);
    }
    stereos_write_ack(reply, type, text_copy(envelope.type, type, sizeof type), text, error.len);
}

void dispatch_refuse(const char *start, size_t len, const char *why, uint64_t limit,
                     const char *unit, struct out *reply)
{
    char text[STEREOS_ERROR_ROOM], type[STEREOS_TYPE_MAX];
    struct out error = out_to(text, sizeof text);
    struct text name = {0};

    json_peek_string(start, len, "type", &name);
    out_str(&error, why);
    out_str(&error, ": limit is ");
    out_u64(&error, limit);
    out_str(&error, unit);
    stereos_write_ack(reply, type, text_copy(name, type, sizeof type), text, error.len);
}
