/* SPDX-License-Identifier: MIT */
/* How the messages of jobs are spelled. The order of the keys is part of it. */
#include "proto/mote_job.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TRUNCATED    ",\"truncated\":true"
#define END          "}}\n"

static const struct json_field hostos_fields[] = {
    {"command", JSON_STRING, offsetof(struct mote_hostos, command), STEREOS_TYPE_MAX, "string"},
    {"message", JSON_STRING, offsetof(struct mote_hostos, message), 0, "string"},
    {"url", JSON_STRING, offsetof(struct mote_hostos, url), 0, "string"},
    {"hash", JSON_STRING, offsetof(struct mote_hostos, hash), 0, "string"},
    {"node_id", JSON_STRING, offsetof(struct mote_hostos, node_id), 0, "string"},
    {"count", JSON_UINT32, offsetof(struct mote_hostos, count), 0, "uint32"},
    {"port", JSON_UINT32, offsetof(struct mote_hostos, port), 0, "uint32"},
    {"legacy", JSON_BOOL, offsetof(struct mote_hostos, legacy), 0, "bool"},
};

static const struct json_field vcom_fields[] = {
    {"request", JSON_STRING, offsetof(struct mote_vcom, request), STEREOS_TYPE_MAX, "string"},
    {"index", JSON_UINT32, offsetof(struct mote_vcom, index), 0, "uint32"},
    {"data", JSON_STRING, offsetof(struct mote_vcom, data), 0, "string"},
    {"cred", JSON_STRING, offsetof(struct mote_vcom, cred), 0, "string"},
    {"secret", JSON_STRING, offsetof(struct mote_vcom, secret), 0, "string"},
    {"port", JSON_UINT32, offsetof(struct mote_vcom, port), 0, "uint32"},
};

static const struct json_field transfer_fields[] = {
    {"request", JSON_STRING, offsetof(struct mote_transfer, request), STEREOS_TYPE_MAX, "string"},
    {"path", JSON_STRING, offsetof(struct mote_transfer, path), 0, "string"},
    {"file", JSON_STRING, offsetof(struct mote_transfer, file), STEREOS_PATH_MAX, "string"},
    {"cmd_id", JSON_STRING, offsetof(struct mote_transfer, cmd_id), STEREOS_FIELD_MAX, "string"},
    {"port", JSON_UINT32, offsetof(struct mote_transfer, port), 0, "uint32"},
    {"mode", JSON_UINT32, offsetof(struct mote_transfer, mode), 0, "uint32"},
    {"checksum", JSON_BOOL, offsetof(struct mote_transfer, checksum), 0, "bool"},
};

static const struct json_field job_fields[] = {
    {"id", JSON_UINT32, offsetof(struct mote_job_id, id), 0, "uint32"},
};

const struct stereos_payload_type mote_hostos_payload = {
    "hostos", {"mote.HostosPayload", hostos_fields, COUNT(hostos_fields)}};
const struct stereos_payload_type mote_vcom_payload = {
    "vcom", {"mote.VcomPayload", vcom_fields, COUNT(vcom_fields)}};
const struct stereos_payload_type mote_transfer_payload = {
    "transfer", {"mote.TransferPayload", transfer_fields, COUNT(transfer_fields)}};
const struct stereos_payload_type mote_job_payload = {
    "job", {"mote.JobPayload", job_fields, COUNT(job_fields)}};

/* What has no room is left out; of a part nobody could make anything. */
static bool write_result(struct out *o, const struct mote_job *job)
{
    size_t cap = o->cap;

    out_str(o, ",\"result\":{");
    struct out before = *o;
    o->cap -= sizeof "}" TRUNCATED END;
    job->result(job->of, o);
    bool fits = !o->overflow;
    if (!fits)
        *o = before;
    o->cap = cap;
    out_str(o, fits ? "}" : "}" TRUNCATED);
    return fits;
}

static bool write_error(struct out *o, const struct mote_job *job)
{
    out_str(o, ",\"error\":");
    size_t n = out_json_start(o, job->error, job->error_len, sizeof TRUNCATED END);
    out_str(o, n < job->error_len ? TRUNCATED : "");
    return n == job->error_len;
}

bool mote_write_job(struct out *o, const struct mote_job *job)
{
    if (o->cap - o->len < MOTE_JOB_ROOM) {
        o->overflow = true;
        return false;
    }
    out_str(o, "{\"type\":\"job\",\"payload\":{\"id\":");
    out_u64(o, job->id);
    out_str(o, ",\"request\":\"");
    out_str(o, job->request);
    out_str(o, "\",\"state\":\"");
    out_str(o, job->state);
    out_str(o, "\"");
    bool is_whole = true;
    if (job->result != NULL)
        is_whole = write_result(o, job);
    if (job->error != NULL)
        is_whole &= write_error(o, job);
    out_str(o, END);
    return is_whole;
}
