/* SPDX-License-Identifier: MIT */
/*
 * The answers' layouts and checks. What a guest sends is input: whatever can't be
 * read is an unexpected answer (STATUS_FAILED), never a crash.
 */
#include "qemu/motectl/answer.h"

#include <string.h>

struct ack {
    struct text reply_to;
    bool ok;
    struct text error;
};

static const struct json_field ack_fields[] = {
    FIELD(ack, reply_to, JSON_STRING, "stereosd.MessageType"),
    FIELD(ack, ok, JSON_BOOL, "bool"),
    FIELD(ack, error, JSON_STRING, "string"),
};

static const struct json_field health_fields[] = {
    FIELD(health, state, JSON_STRING, "stereosd.LifecycleState"),
    FIELD(health, agents, JSON_RAW, "[]stereosd.AgentStatus"),
    FIELD(health, uptime_seconds, JSON_UINT32, "int64"),
};

static const struct json_field agent_fields[] = {
    FIELD(agent, name, JSON_STRING, "string"),    FIELD(agent, running, JSON_BOOL, "bool"),
    FIELD(agent, session, JSON_STRING, "string"), FIELD(agent, restarts, JSON_UINT32, "int"),
    FIELD(agent, error, JSON_STRING, "string"),
};

static const struct json_field capabilities_fields[] = {
    FIELD(capabilities, agent, JSON_STRING, "string"),
    FIELD(capabilities, version, JSON_STRING, "string"),
    FIELD(capabilities, protocol, JSON_UINT32, "uint32"),
    FIELD(capabilities, platform, JSON_STRING, "string"),
    FIELD(capabilities, messages, JSON_RAW, "[]string"),
    FIELD(capabilities, limits, JSON_RAW, "object"),
};

static const struct json_field secrets_fields[] = {
    {"secrets", JSON_RAW, offsetof(struct secrets, entries), 0, "[]mote.Secret"},
    FIELD(secrets, more, JSON_BOOL, "bool"),
};

static const struct json_field secret_fields[] = {
    FIELD(secret, name, JSON_STRING, "string"),
    FIELD(secret, size, JSON_UINT32, "uint32"),
    FIELD(secret, mode, JSON_UINT32, "uint32"),
};

static const struct json_field purged_fields[] = {
    FIELD(purged, secrets, JSON_UINT32, "uint32"),
    FIELD(purged, bytes, JSON_UINT32, "uint32"),
    FIELD(purged, residue, JSON_UINT32, "uint32"),
};

static const struct json_field workloads_fields[] = {
    {"workloads", JSON_RAW, 0, 0, "[]mote.Workload"},
};

static const struct json_field workload_fields[] = {
    FIELD(workload, name, JSON_STRING, "string"),
    FIELD(workload, running, JSON_BOOL, "bool"),
    FIELD(workload, pid, JSON_UINT32, "uint32"),
    FIELD(workload, status, JSON_UINT32, "uint32"),
    FIELD(workload, restarts, JSON_UINT32, "uint32"),
    FIELD(workload, error, JSON_STRING, "string"),
};

static const struct json_field log_fields[] = {
    FIELD(log, offset, JSON_UINT32, "uint32"),
    FIELD(log, text, JSON_STRING, "string"),
    FIELD(log, next, JSON_UINT32, "uint32"),
};

static const struct json_field job_fields[] = {
    FIELD(job, id, JSON_UINT32, "uint32"),    FIELD(job, request, JSON_STRING, "string"),
    FIELD(job, state, JSON_STRING, "string"), FIELD(job, result, JSON_RAW, "object"),
    FIELD(job, error, JSON_STRING, "string"), FIELD(job, truncated, JSON_BOOL, "bool"),
};

static const struct json_struct ack_layout = {"stereosd.AckPayload", ack_fields, COUNT(ack_fields)};
static const struct json_struct health_layout = {"stereosd.HealthPayload", health_fields,
                                                 COUNT(health_fields)};
static const struct json_struct agent_layout = {"stereosd.AgentStatus", agent_fields,
                                                COUNT(agent_fields)};

static const struct json_struct capabilities_layout = {"mote.Capabilities", capabilities_fields,
                                                       COUNT(capabilities_fields)};
static const struct json_struct secrets_layout = {"mote.Secrets", secrets_fields,
                                                  COUNT(secrets_fields)};
static const struct json_struct secret_layout = {"mote.Secret", secret_fields,
                                                 COUNT(secret_fields)};
static const struct json_struct purged_layout = {"mote.Purged", purged_fields,
                                                 COUNT(purged_fields)};

static const struct json_struct workloads_layout = {"mote.Workloads", workloads_fields,
                                                    COUNT(workloads_fields)};
static const struct json_struct workload_layout = {"mote.Workload", workload_fields,
                                                   COUNT(workload_fields)};
static const struct json_struct log_layout = {"mote.Log", log_fields, COUNT(log_fields)};
static const struct json_struct job_layout = {"mote.Job", job_fields, COUNT(job_fields)};

enum status answer_object(struct json_raw json, const struct json_struct *layout, void *dst)
{
    char text[STEREOS_ERROR_MAX];
    struct out error = out_to(text, sizeof(text));

    if (json.json == NULL || json_read(json.json, json.len, layout, dst, &error))
        return STATUS_OK;
    return fail(STATUS_FAILED, "unexpected answer: %.*s", (int)error.len, text);
}

static enum status read_envelope(const char *line, size_t len, struct stereos_envelope *envelope)
{
    char text[STEREOS_ERROR_MAX];
    struct out error = out_to(text, sizeof(text));

    *envelope = (struct stereos_envelope){0};
    if (stereos_read_envelope(line, len, envelope, &error))
        return STATUS_OK;
    return fail(STATUS_FAILED, "unexpected answer: %.*s", (int)error.len, text);
}

static enum status refused(const struct ack *ack)
{
    char type[STEREOS_TYPE_MAX + 1];
    char error[FAILURE_MAX];

    printable(ack->error, error, sizeof(error));
    if (ack->reply_to.json_len == 0)
        return fail(STATUS_REFUSED, "%s", error);
    return fail(STATUS_REFUSED, "%s failed: %s", printable(ack->reply_to, type, sizeof(type)),
                error);
}

static enum status check_ack(const struct ack *ack, const char *request)
{
    bool mine = text_equals(ack->reply_to, request);
    char type[STEREOS_TYPE_MAX + 1];

    if (!ack->ok && (mine || (ack->reply_to.json_len == 0 && ack->error.json_len > 0)))
        return refused(ack);
    if (!mine) {
        return fail(STATUS_FAILED, "ack for %s, expected %s",
                    printable(ack->reply_to, type, sizeof(type)), request);
    }
    return STATUS_OK;
}

/* Checks as answer_check does, and hands out the envelope for its payload. */
static enum status check_type(const char *line, size_t len, const char *expected,
                              const char *request, struct stereos_envelope *envelope)
{
    char type[STEREOS_TYPE_MAX + 1];
    struct ack ack = {0};
    enum status status = read_envelope(line, len, envelope);

    if (status == STATUS_OK && text_equals(envelope->type, "ack")) {
        status = answer_object(envelope->payload, &ack_layout, &ack);
        if (status == STATUS_OK)
            status = check_ack(&ack, request);
    }
    if (status == STATUS_OK && !text_equals(envelope->type, expected)) {
        return fail(STATUS_FAILED, "expected %s, got %s", expected,
                    printable(envelope->type, type, sizeof(type)));
    }
    return status;
}

enum status answer_check(const char *line, size_t len, const char *expected, const char *request)
{
    struct stereos_envelope envelope;

    return check_type(line, len, expected, request, &envelope);
}

/* The bytes of the array's element at s: up to the comma or bracket behind it. */
static uint32_t element_length(const char *s, uint32_t len)
{
    uint32_t depth = 0;
    bool quoted = false;

    for (uint32_t i = 0; i < len; i++) {
        if (quoted) {
            quoted = s[i] != '"';
            i += s[i] == '\\'; /* what is escaped ends nothing */
        } else if (s[i] == '"') {
            quoted = true;
        } else if (s[i] == '{' || s[i] == '[') {
            depth++;
        } else if (depth == 0 && (s[i] == ',' || s[i] == ']')) {
            return i;
        } else if (s[i] == '}' || s[i] == ']') {
            depth--;
        }
    }
    return len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes one bracket or comma off the front, then white space. */
static void take_mark(struct json_raw *json)
{
    do {
        json->json++;
        json->len--;
    } while (json->len > 0 && is_space(json->json[0]));
}

/* What is left of an array always begins with '[', ',' or ']': the line was checked as JSON. */
enum status answer_next_element(struct json_raw *left, const char *name,
                                const struct json_struct *layout, void *dst, bool *found)
{
    uint32_t len;
    enum status status;

    *found = false;
    if (left->json == NULL || left->len == 0 || left->json[0] == 'n' || left->json[0] == ']')
        return STATUS_OK;
    if (left->json[0] != '[' && left->json[0] != ',')
        return fail(STATUS_FAILED, "unexpected answer: %s is not an array", name);
    take_mark(left);
    len = element_length(left->json, left->len);
    if (len == 0)
        return STATUS_OK;
    status = answer_object((struct json_raw){left->json, len}, layout, dst);
    *found = status == STATUS_OK;
    left->json += len;
    left->len -= len;
    return status;
}

enum status answer_next_agent(struct health *health, struct agent *agent, bool *found)
{
    *agent = (struct agent){0};
    return answer_next_element(&health->agents, "agents", &agent_layout, agent, found);
}

enum status answer_next_secret(struct secrets *secrets, struct secret *secret, bool *found)
{
    *secret = (struct secret){0};
    return answer_next_element(&secrets->entries, "secrets", &secret_layout, secret, found);
}

/* Reads a whole array once, so that nothing is shown of an answer that is bad further on. */
static enum status check_elements(struct json_raw left, const char *name,
                                  const struct json_struct *layout, void *element)
{
    enum status status;
    bool found;

    do {
        status = answer_next_element(&left, name, layout, element, &found);
    } while (found);
    return status;
}

enum status answer_read(const char *line, size_t len, const char *expected, const char *request,
                        const struct json_struct *layout, void *dst)
{
    struct stereos_envelope envelope;
    enum status status = check_type(line, len, expected, request, &envelope);

    return status == STATUS_OK ? answer_object(envelope.payload, layout, dst) : status;
}

enum status answer_health(const char *line, size_t len, struct health *health)
{
    struct agent agent = {0};
    enum status status;

    *health = (struct health){0};
    status = answer_read(line, len, "health", "get_health", &health_layout, health);
    return status == STATUS_OK ? check_elements(health->agents, "agents", &agent_layout, &agent)
                               : status;
}

enum status answer_capabilities(const char *line, size_t len, struct capabilities *capabilities)
{
    *capabilities = (struct capabilities){0};
    return answer_read(line, len, "capabilities", "capabilities", &capabilities_layout,
                       capabilities);
}

enum status answer_secrets(const char *line, size_t len, struct secrets *secrets)
{
    *secrets = (struct secrets){0};
    return answer_read(line, len, "secrets", "list_secrets", &secrets_layout, secrets);
}

enum status answer_purged(const char *line, size_t len, struct purged *purged)
{
    *purged = (struct purged){0};
    return answer_read(line, len, "purged", "purge_secrets", &purged_layout, purged);
}

enum status answer_next_workload(struct json_raw *workloads, struct workload *workload, bool *found)
{
    *workload = (struct workload){.status = WORKLOAD_NO_STATUS};
    return answer_next_element(workloads, "workloads", &workload_layout, workload, found);
}

enum status answer_workloads(const char *line, size_t len, struct json_raw *workloads)
{
    struct workload workload = {0};
    enum status status;

    *workloads = (struct json_raw){0};
    status = answer_read(line, len, "workloads", "workloads", &workloads_layout, workloads);
    return status == STATUS_OK
               ? check_elements(*workloads, "workloads", &workload_layout, &workload)
               : status;
}

/* One that does not go on although it has text, or has none and goes on, might never end. */
enum status answer_log(const char *line, size_t len, struct log *log)
{
    enum status status;

    *log = (struct log){0};
    status = answer_read(line, len, "logs", "logs", &log_layout, log);
    if (status == STATUS_OK && (log->text.json_len == 0) != (log->next == log->offset))
        return fail(STATUS_FAILED, "unexpected answer: the text does not end at next");
    return status;
}

enum status answer_job(const char *line, size_t len, const char *request, struct job *job)
{
    enum status status;

    *job = (struct job){0};
    status = answer_read(line, len, "job", request, &job_layout, job);
    if (status == STATUS_OK && job->result.json != NULL && job->result.json[0] != '{')
        return fail(STATUS_FAILED, "unexpected answer: result is not an object");
    return status;
}

/* The bytes of the string at s, which begins with its quote; the line was checked as JSON. */
static uint32_t string_length(const char *s)
{
    uint32_t i = 1;

    while (s[i] != '"')
        i += s[i] == '\\' ? 2 : 1;
    return i + 1;
}

/* What is left of an object always begins with '{', ',' or '}'. */
bool answer_next_member(struct json_raw *result, struct text *key, struct text *value)
{
    if (result->json == NULL || result->json[0] == '}')
        return false;
    take_mark(result);
    if (result->json[0] == '}')
        return false;
    uint32_t len = string_length(result->json);
    *key = (struct text){result->json + 1, len - 2};
    result->json += len;
    result->len -= len;
    while (is_space(result->json[0]))
        take_mark(result);
    take_mark(result);
    len = result->json[0] == '"' ? string_length(result->json)
                                 : element_length(result->json, result->len - 1);
    bool quoted = result->json[0] == '"';
    *value = (struct text){result->json + quoted, len - 2u * quoted};
    result->json += len;
    result->len -= len;
    while (is_space(result->json[0]))
        take_mark(result);
    return true;
}

enum status answer_refusal(const char *line, size_t len)
{
    char text[STEREOS_ERROR_MAX];
    struct out error = out_to(text, sizeof(text));
    struct stereos_envelope envelope = {0};
    struct ack ack = {0};

    if (!stereos_read_envelope(line, len, &envelope, &error) ||
        !text_equals(envelope.type, "ack") || envelope.payload.json == NULL ||
        !json_read(envelope.payload.json, envelope.payload.len, &ack_layout, &ack, &error) ||
        ack.ok)
        return STATUS_OK;
    return refused(&ack);
}
