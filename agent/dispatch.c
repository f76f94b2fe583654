/* SPDX-License-Identifier: MIT */
/*
 * The dispatch table: one row per message. A message either has an answer of its own,
 * or is acted on and acknowledged.
 */
#include "agent/dispatch.h"

#include "agent/app.h"
#include "agent/job.h"
#include "agent/services.h"
#include "agent/tpm.h"
#include "platform/mount.h"

#include <string.h>

static bool ping(const struct request *r)
{
    stereos_write_pong(r->reply);
    return true;
}

static const struct message messages[] = {
    {"ping", ping, NULL, PAYLOAD_ANYTHING},
    {"get_health", health_request, NULL, PAYLOAD_ANYTHING},
    {"set_config", config_set, &stereos_config_payload, PAYLOAD_NEEDED},
    {"inject_secret", secret_inject, &stereos_secret_payload, PAYLOAD_NEEDED},
    {"inject_ssh_key", ssh_key_inject, &stereos_ssh_key_payload, PAYLOAD_NEEDED},
    {"mount", mount_share, &stereos_mount_payload, PAYLOAD_NEEDED},
    {"shutdown", shutdown_request, &stereos_shutdown_payload, PAYLOAD_ANYTHING},
    {"capabilities", capabilities_request, NULL, PAYLOAD_ANYTHING},
    {"list_secrets", secret_list, &mote_list_payload, PAYLOAD_OPTIONAL},
    {"delete_secret", secret_delete, &mote_name_payload, PAYLOAD_NEEDED},
    {"rotate_secret", secret_rotate, &stereos_secret_payload, PAYLOAD_NEEDED},
    {"purge_secrets", secret_purge, NULL, PAYLOAD_ANYTHING},
    {"hostos", job_hostos, &mote_hostos_payload, PAYLOAD_NEEDED},
    {"vcom", job_vcom, &mote_vcom_payload, PAYLOAD_NEEDED},
    {"transfer", job_transfer, &mote_transfer_payload, PAYLOAD_NEEDED},
    {"job", job_state, &mote_job_payload, PAYLOAD_NEEDED},
    {"tpm_info", tpm_info_request, &mote_tpm_payload, PAYLOAD_ANYTHING},
    {"ek", tpm_ek_request, &mote_ek_payload, PAYLOAD_OPTIONAL},
    {"aik", tpm_aik_request, &mote_tpm_payload, PAYLOAD_ANYTHING},
    {"pcr_read", tpm_pcr_read, &mote_pcrs_payload, PAYLOAD_OPTIONAL},
    {"pcr_extend", tpm_pcr_extend, &mote_extend_payload, PAYLOAD_NEEDED},
    {"quote", tpm_quote, &mote_quote_payload, PAYLOAD_NEEDED},
    {"random", tpm_random, &mote_random_payload, PAYLOAD_NEEDED},
    {"seal", tpm_seal, &mote_seal_payload, PAYLOAD_NEEDED},
    {"unseal", tpm_unseal, &mote_unseal_payload, PAYLOAD_NEEDED},
    {"activate_credential", tpm_activate_credential, &mote_credential_payload, PAYLOAD_NEEDED},
    {"inject_sealed_secret", tpm_inject_secret, &mote_sealed_secret_payload, PAYLOAD_NEEDED},
};

#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])

static const struct message *row(size_t i)
{
    if (i < MESSAGE_COUNT)
        return &messages[i];
    i -= MESSAGE_COUNT;
    return i < app_message_count ? &app_messages[i] : NULL;
}

const char *dispatch_type(size_t i)
{
    const struct message *m = row(i);

    return m != NULL ? m->type : NULL;
}

static const struct message *find(struct text type)
{
    const struct message *m;

    for (size_t i = 0; (m = row(i)) != NULL; i++)
        if (text_equals(type, m->type))
            return m;
    return NULL;
}

static bool read_payload(const struct message *m, const struct stereos_envelope *envelope,
                         union payload *payload, struct out *error)
{
    if (m->payload == NULL ||
        stereos_read_payload(envelope, m->type, m->payload, payload, sizeof *payload, error))
        return true;
    bool missing = envelope->payload.json == NULL;
    if (m->rule != PAYLOAD_ANYTHING && !(m->rule == PAYLOAD_OPTIONAL && missing))
        return false;
    memset(payload, 0, sizeof *payload);
    error->len = 0;
    return true;
}

bool dispatch_line(int conn, const char *line, size_t len, struct out *reply)
{
    char text[STEREOS_ERROR_ROOM], type[STEREOS_TYPE_MAX];
    struct out error = out_to(text, sizeof text);
    struct stereos_envelope envelope = {0};
    union payload payload;
    struct request request = {conn, &payload, reply, &error};

    if (!stereos_read_envelope(line, len, &envelope, &error)) {
        stereos_write_ack(reply, "", 0, text, error.len);
        return true;
    }
    const struct message *m = find(envelope.type);
    if (m == NULL) {
        out_str(&error, "unknown message type: ");
        out_text(&error, envelope.type);
    } else if (read_payload(m, &envelope, &payload, &error) && !m->serve(&request)) {
        return false;
    }
    if (reply->len == 0)
        stereos_write_ack(reply, type, text_copy(envelope.type, type, sizeof type), text,
                          error.len);
    return true;
}

void dispatch_abandon(int conn)
{
    mount_abandon(conn); /* these are the messages whose answers may take long */
    job_abandon(conn);
    tpm_abandon(conn);
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
