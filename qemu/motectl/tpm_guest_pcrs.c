/* SPDX-License-Identifier: MIT */
/* The answers about PCRs: their values, quotes of them, and the log of what was measured. */
#include "qemu/motectl/tpm_guest.h"

#include <stdio.h>

#include "qemu/motectl/answer.h"

struct pcrs_answer {
    struct text bank;
    struct json_raw values;
    struct text attest, signature; /* of a quote */
};

struct log_answer {
    uint32_t pcr;
    struct text bank, start;
    uint32_t folded;
    struct json_raw events;
};

struct event_answer {
    struct text what;
    uint32_t size;
    struct text digest;
    bool extended;
};

struct info_answer {
    struct text interface, manufacturer, vendor, firmware;
    uint32_t revision;
    struct json_raw banks;
    bool lockout;
    uint32_t objects, sessions;
    struct text keys;
    struct json_raw measured;
};

static const struct json_field pcrs_fields[] = {
    FIELD(pcrs_answer, bank, JSON_STRING, "string"),
    FIELD(pcrs_answer, values, JSON_RAW, "object"),
    FIELD(pcrs_answer, attest, JSON_STRING, "string"),
    FIELD(pcrs_answer, signature, JSON_STRING, "string"),
};

static const struct json_field log_fields[] = {
    FIELD(log_answer, pcr, JSON_UINT32, "uint32"),
    FIELD(log_answer, bank, JSON_STRING, "string"),
    FIELD(log_answer, start, JSON_STRING, "string"),
    FIELD(log_answer, folded, JSON_UINT32, "uint32"),
    FIELD(log_answer, events, JSON_RAW, "[]mote.Event"),
};

static const struct json_field event_fields[] = {
    FIELD(event_answer, what, JSON_STRING, "string"),
    FIELD(event_answer, size, JSON_UINT32, "uint32"),
    FIELD(event_answer, digest, JSON_STRING, "string"),
    FIELD(event_answer, extended, JSON_BOOL, "bool"),
};

static const struct json_field info_fields[] = {
    FIELD(info_answer, interface, JSON_STRING, "string"),
    FIELD(info_answer, manufacturer, JSON_STRING, "string"),
    FIELD(info_answer, vendor, JSON_STRING, "string"),
    FIELD(info_answer, firmware, JSON_STRING, "string"),
    FIELD(info_answer, revision, JSON_UINT32, "uint32"),
    FIELD(info_answer, banks, JSON_RAW, "[]string"),
    FIELD(info_answer, lockout, JSON_BOOL, "bool"),
    FIELD(info_answer, objects, JSON_UINT32, "uint32"),
    FIELD(info_answer, sessions, JSON_UINT32, "uint32"),
    FIELD(info_answer, keys, JSON_STRING, "string"),
    FIELD(info_answer, measured, JSON_RAW, "object"),
};

static const struct json_struct pcrs_layout = {"mote.PCRs", pcrs_fields, COUNT(pcrs_fields)};
static const struct json_struct log_layout = {"mote.Measured", log_fields, COUNT(log_fields)};
static const struct json_struct event_layout = {"mote.Event", event_fields, COUNT(event_fields)};
static const struct json_struct info_layout = {"mote.TPM", info_fields, COUNT(info_fields)};

/* The hash whose name is a text's. */
static enum status read_bank(struct text bank, uint16_t *hash)
{
    static const uint16_t hashes[] = {TPM_ALG_SHA256, TPM_ALG_SHA1, TPM_ALG_SHA384, TPM_ALG_SHA512};
    char name[TPM_WORD_MAX];

    for (size_t i = 0; i < COUNT(hashes); i++) {
        *hash = hashes[i];
        if (text_equals(bank, tpm2_hash_name(*hash)))
            return STATUS_OK;
    }
    return fail(STATUS_FAILED, "unexpected answer: a bank \"%s\"",
                printable(bank, name, sizeof(name)));
}

/* One PCR of an answer. */
static enum status read_value(struct text key, struct text value, struct tpm_pcrs *pcrs)
{
    char number[12];
    uint32_t pcr;
    struct blob digest;
    enum status status;

    if (!options_number(printable(key, number, sizeof(number)), &pcr) || pcr >= TPM2_PCRS ||
        (pcrs->read.pcrs & 1u << pcr) != 0)
        return fail(STATUS_FAILED, "unexpected answer: a PCR \"%s\"", number);
    status = tpm_decode(&digest, value, "a PCR's value");
    if (status != STATUS_OK)
        return status;
    if (digest.n != pcrs->size)
        return fail(STATUS_FAILED, "unexpected answer: PCR %u has %zu bytes", pcr, digest.n);
    memcpy(pcrs->value[pcr], digest.at, digest.n);
    pcrs->read.pcrs |= 1u << pcr;
    return STATUS_OK;
}

static enum status read_values(const struct pcrs_answer *answer, struct tpm_pcrs *pcrs)
{
    struct json_raw left = answer->values;
    struct text key, value;
    enum status status = read_bank(answer->bank, &pcrs->read.hash);

    if (status == STATUS_OK && left.json != NULL && left.json[0] != '{')
        return fail(STATUS_FAILED, "unexpected answer: values is not an object");
    pcrs->read.pcrs = 0;
    pcrs->size = tpm2_digest_size(pcrs->read.hash);
    while (status == STATUS_OK && answer_next_member(&left, &key, &value))
        status = read_value(key, value, pcrs);
    return status;
}

enum status tpm_ask_pcrs(const struct call *call, const char *pcrs, struct tpm_pcrs *values)
{
    struct pcrs_answer answer = {0};
    struct request r;
    enum status status;

    request_start(&r, "pcr_read");
    request_payload(&r);
    request_string(&r, "pcrs", pcrs, strlen(pcrs));
    status = tpm_ask(call, &r, "pcrs", &pcrs_layout, &answer);
    return status == STATUS_OK ? read_values(&answer, values) : status;
}

enum status tpm_ask_quote(const struct call *call, const struct blob *nonce, const char *pcrs,
                          struct tpm_quote *quote)
{
    struct pcrs_answer answer = {0};
    struct request r;
    enum status status;

    request_start(&r, "quote");
    request_payload(&r);
    request_base64(&r, "nonce", nonce->at, nonce->n);
    request_string(&r, "pcrs", pcrs, strlen(pcrs));
    status = tpm_ask(call, &r, "quote", &pcrs_layout, &answer);
    if (status == STATUS_OK)
        status = tpm_decode(&quote->attest, answer.attest, "attest");
    if (status == STATUS_OK)
        status = tpm_decode(&quote->signature, answer.signature, "signature");
    return status == STATUS_OK ? read_values(&answer, &quote->pcrs) : status;
}

static enum status read_events(struct json_raw left, struct tpm_log *log)
{
    bool found;

    for (log->count = 0;; log->count++) {
        struct tpm_event *event = &log->events[log->count];
        struct event_answer answer = {0};
        enum status status = answer_next_element(&left, "events", &event_layout, &answer, &found);

        if (status != STATUS_OK || !found)
            return status;
        if (log->count == TPM_EVENTS_MAX)
            return fail(STATUS_FAILED, "unexpected answer: more than %u events", TPM_EVENTS_MAX);
        printable(answer.what, event->what, sizeof(event->what));
        event->size = answer.size;
        event->extended = answer.extended;
        status = tpm_decode(&event->digest, answer.digest, "an event's digest");
        if (status != STATUS_OK)
            return status;
    }
}

static enum status read_log(struct json_raw measured, struct tpm_log *log)
{
    struct log_answer answer = {0};
    enum status status;

    log->kept = measured.json != NULL && measured.json[0] != 'n'; /* null */
    if (!log->kept)
        return STATUS_OK;
    status = answer_object(measured, &log_layout, &answer);
    log->pcr = answer.pcr;
    log->folded = answer.folded;
    if (status == STATUS_OK)
        status = read_bank(answer.bank, &log->bank);
    if (status == STATUS_OK)
        status = tpm_decode(&log->start, answer.start, "start");
    return status == STATUS_OK ? read_events(answer.events, log) : status;
}

enum status tpm_ask_info(const struct call *call, struct tpm_info *info)
{
    struct info_answer answer = {0};
    struct request r;
    enum status status;

    request_start(&r, "tpm_info");
    status = tpm_ask(call, &r, "tpm_info", &info_layout, &answer);
    if (status != STATUS_OK)
        return status;
    printable(answer.interface, info->interface, sizeof(info->interface));
    printable(answer.manufacturer, info->manufacturer, sizeof(info->manufacturer));
    printable(answer.vendor, info->vendor, sizeof(info->vendor));
    printable(answer.firmware, info->firmware, sizeof(info->firmware));
    printable(answer.keys, info->keys, sizeof(info->keys));
    printable((struct text){answer.banks.json, answer.banks.len}, info->banks, sizeof(info->banks));
    info->revision = answer.revision;
    info->objects = answer.objects;
    info->sessions = answer.sessions;
    info->lockout = answer.lockout;
    return read_log(answer.measured, &info->log);
}
