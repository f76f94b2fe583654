/* SPDX-License-Identifier: MIT */
/* How mote's own messages are spelled. The order of the keys is part of it. */
#include "proto/mote.h"

#define SECRETS_BEGIN "{\"type\":\"secrets\",\"payload\":{\"secrets\":["
#define SECRETS_MORE  "],\"more\":true}}\n"
#define SECRETS_END   "],\"more\":false}}\n"
#define LOG_END_MAX   ",\"next\":4294967295}}\n"

static const struct json_field list_fields[] = {
    {"after", JSON_STRING, offsetof(struct mote_list, after), STEREOS_FIELD_MAX, "string"},
};

static const struct json_field name_fields[] = {
    {"name", JSON_STRING, offsetof(struct mote_name, name), STEREOS_FIELD_MAX, "string"},
};

static const struct json_field logs_fields[] = {
    {"name", JSON_STRING, offsetof(struct mote_logs, name), STEREOS_FIELD_MAX, "string"},
    {"offset", JSON_UINT32, offsetof(struct mote_logs, offset), 0, "uint32"},
};

const struct stereos_payload_type mote_list_payload = {"list",
                                                       {"mote.ListPayload", list_fields, 1}};
const struct stereos_payload_type mote_name_payload = {"name",
                                                       {"mote.NamePayload", name_fields, 1}};

const struct stereos_payload_type mote_logs_payload = {"logs",
                                                       {"mote.LogsPayload", logs_fields, 2}};

void mote_write_capabilities(struct out *o, const struct mote_capabilities *c)
{
    const char *type;

    out_str(o, "{\"type\":\"capabilities\",\"payload\":{\"agent\":\"mote\"");
    out_string(o, ",", "version", c->version);
    out_number(o, ",", "protocol", MOTE_PROTOCOL);
    out_string(o, ",", "platform", c->platform);
    out_str(o, ",\"messages\":[");
    for (size_t i = 0; (type = c->message(i)) != NULL; i++) {
        out_str(o, i == 0 ? "" : ",");
        out_json_string(o, type, strlen(type));
    }
    out_str(o, "],\"limits\":{");
    for (size_t i = 0; i < c->limit_count; i++)
        out_number(o, i == 0 ? "" : ",", c->limits[i].name, c->limits[i].value);
    out_str(o, "}}}\n");
}

void mote_write_purged(struct out *o, const struct mote_purged *purged)
{
    out_str(o, "{\"type\":\"purged\",\"payload\":");
    out_number(o, "{", "secrets", purged->secrets);
    out_number(o, ",", "bytes", purged->bytes);
    out_number(o, ",", "residue", purged->residue);
    out_str(o, "}}\n");
}

void mote_begin_secrets(struct out *o)
{
    out_str(o, SECRETS_BEGIN);
}

bool mote_write_secret(struct out *o, const struct mote_secret *secret)
{
    struct out before = *o;

    out_key(o, o->len == sizeof SECRETS_BEGIN - 1 ? "{" : ",{", "name");
    out_json_string(o, secret->name, secret->name_len);
    out_number(o, ",", "size", secret->size);
    out_number(o, ",", "mode", secret->mode);
    out_str(o, "}");
    if (!o->overflow && o->cap - o->len >= sizeof SECRETS_END - 1)
        return true;
    *o = before;
    return false;
}

void mote_end_secrets(struct out *o, bool more)
{
    out_str(o, more ? SECRETS_MORE : SECRETS_END);
}

static void write_workload(struct out *o, const char *before, const struct mote_workload *w)
{
    out_string(o, before, "name", w->name);
    out_key(o, ",", "running");
    out_str(o, w->pid != 0 ? "true" : "false");
    if (w->pid != 0)
        out_number(o, ",", "pid", (uint64_t)w->pid);
    if (w->has_status)
        out_number(o, ",", "status", (uint64_t)w->status);
    out_number(o, ",", "restarts", w->restarts);
    if (w->error != NULL)
        out_string(o, ",", "error", w->error);
    out_str(o, "}");
}

void mote_write_workloads(struct out *o, bool (*workload)(size_t i, struct mote_workload *w))
{
    struct mote_workload w;

    out_str(o, "{\"type\":\"workloads\",\"payload\":{\"workloads\":[");
    for (size_t i = 0; workload(i, &w); i++)
        write_workload(o, i == 0 ? "{" : ",{", &w);
    out_str(o, "]}}\n");
}

void mote_write_log(struct out *o, const struct mote_log *log)
{
    out_string(o, "{\"type\":\"logs\",\"payload\":{", "name", log->name);
    out_number(o, ",", "offset", log->offset);
    out_key(o, ",", "text");
    size_t n = out_json_start(o, log->text, log->n, sizeof LOG_END_MAX);
    out_number(o, ",", "next", (uint32_t)(log->offset + n));
    out_str(o, "}}\n");
}
