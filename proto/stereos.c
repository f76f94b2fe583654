/* SPDX-License-Identifier: MIT */
/*
 * The StereOS messages: which fields they have, under which names errors know them,
 * and how the answers are spelled. Keys, their order and the texts are those of
 * stereosd; the rules of JSON are in json.h. Nothing is checked here but form.
 */
#include "proto/stereos.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct json_field envelope_fields[] = {
    {"type", JSON_STRING, offsetof(struct stereos_envelope, type), 0, "stereosd.MessageType"},
    {"payload", JSON_RAW, offsetof(struct stereos_envelope, payload), 0, "json.RawMessage"},
};

static const struct json_field config_fields[] = {
    {"content", JSON_STRING, offsetof(struct stereos_config, content), 0, "string"},
};

static const struct json_field ssh_key_fields[] = {
    {"user", JSON_STRING, offsetof(struct stereos_ssh_key, user), STEREOS_FIELD_MAX, "string"},
    {"public_key", JSON_STRING, offsetof(struct stereos_ssh_key, public_key), 0, "string"},
};

static const struct json_field secret_fields[] = {
    {"name", JSON_STRING, offsetof(struct stereos_secret, name), STEREOS_FIELD_MAX, "string"},
    {"value", JSON_STRING, offsetof(struct stereos_secret, value), 0, "string"},
    {"mode", JSON_UINT32, offsetof(struct stereos_secret, mode), 0, "uint32"},
};

static const struct json_field mount_fields[] = {
    {"tag", JSON_STRING, offsetof(struct stereos_mount, tag), STEREOS_FIELD_MAX, "string"},
    {"guest_path", JSON_STRING, offsetof(struct stereos_mount, guest_path), STEREOS_PATH_MAX,
     "string"},
    {"fs_type", JSON_STRING, offsetof(struct stereos_mount, fs_type), STEREOS_FIELD_MAX, "string"},
    {"read_only", JSON_BOOL, offsetof(struct stereos_mount, read_only), 0, "bool"},
};

static const struct json_field shutdown_fields[] = {
    {"reason", JSON_STRING, offsetof(struct stereos_shutdown, reason), 0, "string"},
};

static const struct json_struct envelope_layout = {"stereosd.Envelope", envelope_fields,
                                                   COUNT(envelope_fields)};

const struct stereos_payload_type stereos_config_payload = {
    "config", {"stereosd.ConfigPayload", config_fields, COUNT(config_fields)}};

const struct stereos_payload_type stereos_ssh_key_payload = {
    "ssh key", {"stereosd.SSHKeyPayload", ssh_key_fields, COUNT(ssh_key_fields)}};

const struct stereos_payload_type stereos_secret_payload = {
    "secret", {"stereosd.SecretPayload", secret_fields, COUNT(secret_fields)}};

const struct stereos_payload_type stereos_mount_payload = {
    "mount", {"stereosd.MountPayload", mount_fields, COUNT(mount_fields)}};

const struct stereos_payload_type stereos_shutdown_payload = {
    "shutdown", {"stereosd.ShutdownPayload", shutdown_fields, COUNT(shutdown_fields)}};

bool stereos_read_envelope(const char *line, size_t len, struct stereos_envelope *envelope,
                           struct out *error)
{
    struct out before = *error;

    memset(envelope, 0, sizeof *envelope);
    out_str(error, "malformed JSON: ");
    if (!json_read(line, len, &envelope_layout, envelope, error))
        return false;
    *error = before;
    if (text_fits(envelope->type, STEREOS_TYPE_MAX))
        return true;
    out_str(error, "message type too long: limit is ");
    out_u64(error, STEREOS_TYPE_MAX);
    out_str(error, " bytes");
    return false;
}

bool stereos_read_payload(const struct stereos_envelope *envelope, const char *type,
                          const struct stereos_payload_type *layout, void *payload, size_t size,
                          struct out *error)
{
    struct json_raw raw = envelope->payload;
    struct out before = *error;

    memset(payload, 0, size);
    out_str(error, "decode ");
    out_str(error, layout->what);
    out_str(error, " payload: ");
    if (!raw.json) {
        out_str(error, "envelope ");
        out_str(error, type);
        out_str(error, " has no payload");
        return false;
    }
    if (!json_read(raw.json, raw.len, &layout->layout, payload, error))
        return false;
    *error = before;
    return true;
}

void stereos_write_pong(struct out *o)
{
    out_str(o, "{\"type\":\"pong\"}\n");
}

/* ,"key":value, or nothing for an empty value. */
static void write_optional(struct out *o, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    out_str(o, ",\"");
    out_str(o, key);
    out_str(o, "\":");
    out_json_string(o, value, strlen(value));
}

static void write_agent(struct out *o, const struct stereos_agent *agent)
{
    out_str(o, "{\"name\":");
    out_json_string(o, agent->name, strlen(agent->name));
    out_str(o, agent->running ? ",\"running\":true" : ",\"running\":false");
    write_optional(o, "session", agent->session);
    out_str(o, ",\"restarts\":");
    out_u64(o, agent->restarts);
    write_optional(o, "error", agent->error);
    out_str(o, "}");
}

void stereos_write_health(struct out *o, const struct stereos_health *health)
{
    out_str(o, "{\"type\":\"health\",\"payload\":{\"state\":");
    out_json_string(o, health->state, strlen(health->state));
    for (uint32_t i = 0; i < health->agent_count; i++) {
        out_str(o, i == 0 ? ",\"agents\":[" : ",");
        write_agent(o, &health->agents[i]);
    }
    out_str(o, health->agent_count > 0 ? "],\"uptime_seconds\":" : ",\"uptime_seconds\":");
    out_u64(o, health->uptime_seconds);
    out_str(o, "}}\n");
}

/* Copies the longest start of s that ends with a whole character and leaves room for dots. */
static size_t cut_error(char dst[STEREOS_ERROR_MAX], const char *s)
{
    static const char dots[] = "...";
    size_t n = STEREOS_ERROR_MAX - (sizeof dots - 1);

    while (n > 0 && ((uint8_t)s[n] & 0xc0) == 0x80)
        n--;
    memcpy(dst, s, n);
    memcpy(dst + n, dots, sizeof dots - 1);
    return n + sizeof dots - 1;
}

void stereos_write_ack(struct out *o, const char *reply_to, size_t n, const char *error,
                       size_t error_len)
{
    char cut[STEREOS_ERROR_MAX];

    out_str(o, "{\"type\":\"ack\",\"payload\":{\"reply_to\":");
    out_json_string(o, reply_to, n);
    if (!error || error_len == 0) {
        out_str(o, ",\"ok\":true}}\n");
        return;
    }
    if (error_len > STEREOS_ERROR_MAX) {
        error_len = cut_error(cut, error);
        error = cut;
    }
    out_str(o, ",\"ok\":false,\"error\":");
    out_json_string(o, error, error_len);
    out_str(o, "}}\n");
}
