/* SPDX-License-Identifier: MIT */
/*
 * Tests of reading in proto/stereos.h: the exact lines of the real client, and for
 * each error the exact text that the real daemon gives. The answers have a file of
 * their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/services.h"
#include "proto/stereos.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(s)     (s), sizeof(s) - 1 /* a literal and its length; it may hold NULs */

static char arena[4096];
static char error_text[STEREOS_ERROR_ROOM + 1];

/* A copy whose end is the end of an object, so that reading on is seen by the sanitizer. */
static const char *at_end(const char *line, size_t len)
{
    return memcpy(arena + sizeof arena - len, line, len);
}

static bool read_envelope(const char *line, size_t len, struct stereos_envelope *envelope)
{
    struct out error = out_to(error_text, STEREOS_ERROR_ROOM);
    bool ok = stereos_read_envelope(at_end(line, len), len, envelope, &error);

    error_text[error.len] = '\0';
    assert_false(error.overflow);
    assert_true(ok == (error.len == 0));
    return ok;
}

static bool read_payload(const struct stereos_envelope *envelope, const char *type,
                         const struct stereos_payload_type *layout, union payload *payload)
{
    struct out error = out_to(error_text, STEREOS_ERROR_ROOM);
    bool ok = stereos_read_payload(envelope, type, layout, payload, sizeof *payload, &error);

    error_text[error.len] = '\0';
    assert_false(error.overflow);
    assert_true(ok == (error.len == 0));
    return ok;
}

/* Reads a line whose envelope is good. */
static bool read_line(const char *line, const char *type, const struct stereos_payload_type *layout,
                      union payload *payload)
{
    struct stereos_envelope envelope;

    assert_true(read_envelope(line, strlen(line), &envelope));
    assert_true(text_equals(envelope.type, type));
    return read_payload(&envelope, type, layout, payload);
}

static const struct {
    const char *line;
    const char *type;
    const char *payload; /* NULL: missing */
} envelopes[] = {
    {"{\"type\":\"ping\"}", "ping", NULL},
    {"{\"type\":\"get_health\"}", "get_health", NULL},
    {"{\"type\":\"shutdown\",\"payload\":{}}", "shutdown", "{}"},
    {"{\"payload\":{\"a\":1},\"type\":\"ping\"}", "ping", "{\"a\":1}"},
    {"{\"Type\":\"ping\",\"PAYLOAD\":null,\"id\":7}", "ping", "null"},
    {"{\"type\":\"ping\",\"type\":\"get_health\"}", "get_health", NULL},
    {" { \"type\" : \"p\\u0069ng\" } \r", "ping", NULL},
    {"{\"type\":\"reboot\"}", "reboot", NULL},
    /* these have no type at all */
    {"{}", "", NULL},
    {"null", "", NULL},
    {"{\"type\":null}", "", NULL},
    {"{\"type\":null,\"payload\":null}", "", "null"},
};

static void envelopes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(envelopes); i++) {
        struct stereos_envelope e;

        assert_true(read_envelope(envelopes[i].line, strlen(envelopes[i].line), &e));
        assert_true(text_equals(e.type, envelopes[i].type));
        assert_true((e.payload.json == NULL) == (envelopes[i].payload == NULL));
        if (e.payload.json) {
            assert_int_equal(e.payload.len, strlen(envelopes[i].payload));
            assert_memory_equal(e.payload.json, envelopes[i].payload, e.payload.len);
        }
    }
}

static const struct {
    const char *line;
    const char *error;
} malformed[] = {
    {"this is not json", "invalid character 'h' in literal true (expecting 'r')"},
    {"hello", "invalid character 'h' looking for beginning of value"},
    {"{\"type\":\"ping\"", "unexpected end of JSON input"},
    {" ", "unexpected end of JSON input"},
    {"\t", "unexpected end of JSON input"},
    {"{\"type\":\"ping\"}x", "invalid character 'x' after top-level value"},
    {"{\"type\":\"ping\"}{\"type\":\"ping\"}", "invalid character '{' after top-level value"},
    {"[]", "json: cannot unmarshal array into Go value of type stereosd.Envelope"},
    {"\"ping\"", "json: cannot unmarshal string into Go value of type stereosd.Envelope"},
    {"17", "json: cannot unmarshal number into Go value of type stereosd.Envelope"},
    {"true", "json: cannot unmarshal bool into Go value of type stereosd.Envelope"},
    {"{\"type\":17}", "json: cannot unmarshal number into Go struct field Envelope.type of type "
                      "stereosd.MessageType"},
    {"{\"type\":{},\"payload\":{}}", "json: cannot unmarshal object into Go struct field "
                                     "Envelope.type of type stereosd.MessageType"},
};

static void malformed_envelopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(malformed); i++) {
        struct stereos_envelope e;
        char expected[256];

        assert_false(read_envelope(malformed[i].line, strlen(malformed[i].line), &e));
        snprintf(expected, sizeof expected, "malformed JSON: %s", malformed[i].error);
        assert_string_equal(error_text, expected);
    }
}

/* Nothing but the syntax of a line's start can be wrong, and every start is wrong. */
static void cut_off_lines_are_malformed(void **state)
{
    static const char line[] =
        "{\"type\":\"inject_secret\",\"payload\":{\"name\":\"A\",\"mode\":384}}";
    struct stereos_envelope e;

    (void)state;
    for (size_t len = 0; len < sizeof line - 1; len++)
        assert_false(read_envelope(line, len, &e));
    assert_true(read_envelope(line, sizeof line - 1, &e));
}

static void type_has_a_limit(void **state)
{
    (void)state;
    for (size_t n = STEREOS_TYPE_MAX - 1; n <= STEREOS_TYPE_MAX + 1; n++) {
        struct stereos_envelope e;
        char name[STEREOS_TYPE_MAX + 2] = {0}, line[128];

        memset(name, 't', n);
        int len = snprintf(line, sizeof line, "{\"type\":\"%s\"}", name);
        assert_true(read_envelope(line, (size_t)len, &e) == (n <= STEREOS_TYPE_MAX));
        if (n > STEREOS_TYPE_MAX)
            assert_string_equal(error_text, "message type too long: limit is 64 bytes");
        else
            assert_true(text_equals(e.type, name));
    }
}

static void set_config(void **state)
{
    union payload p;

    (void)state;
    assert_true(read_line("{\"type\":\"set_config\",\"payload\":{\"content\":\"mixtape = "
                          "\\\"base:latest\\\"\\n\"}}",
                          "set_config", &stereos_config_payload, &p));
    assert_true(text_equals(p.config.content, "mixtape = \"base:latest\"\n"));
}

static void inject_ssh_key(void **state)
{
    union payload p;

    (void)state;
    assert_true(read_line("{\"type\":\"inject_ssh_key\",\"payload\":{\"user\":\"admin\","
                          "\"public_key\":\"ssh-ed25519 AAAAC3Nz...\\n\"}}",
                          "inject_ssh_key", &stereos_ssh_key_payload, &p));
    assert_true(text_equals(p.ssh_key.user, "admin"));
    assert_true(text_equals(p.ssh_key.public_key, "ssh-ed25519 AAAAC3Nz...\n"));
}

static void inject_secret(void **state)
{
    union payload p;

    (void)state;
    assert_true(read_line("{\"type\":\"inject_secret\",\"payload\":{\"name\":\"ANTHROPIC_API_KEY\","
                          "\"value\":\"a\\u003cb\\u003e\\u0026\\u0000\",\"mode\":384}}",
                          "inject_secret", &stereos_secret_payload, &p));
    assert_true(text_equals(p.secret.name, "ANTHROPIC_API_KEY"));
    assert_true(text_equals_bytes(p.secret.value, BYTES("a<b>&\0")));
    assert_int_equal(p.secret.mode, 0600);
}

static void mount(void **state)
{
    union payload p;

    (void)state;
    assert_true(read_line("{\"type\":\"mount\",\"payload\":{\"tag\":\"share0\",\"guest_path\":"
                          "\"/workspace\",\"fs_type\":\"9p\"}}",
                          "mount", &stereos_mount_payload, &p));
    assert_true(text_equals(p.mount.tag, "share0"));
    assert_true(text_equals(p.mount.guest_path, "/workspace"));
    assert_true(text_equals(p.mount.fs_type, "9p"));
    assert_false(p.mount.read_only);
    assert_true(read_line("{\"type\":\"mount\",\"payload\":{\"tag\":\"share1\",\"guest_path\":"
                          "\"/data\",\"fs_type\":\"virtiofs\",\"read_only\":true}}",
                          "mount", &stereos_mount_payload, &p));
    assert_true(text_equals(p.mount.fs_type, "virtiofs"));
    assert_true(p.mount.read_only);
}

static void shutdown(void **state)
{
    union payload p;

    (void)state;
    assert_true(read_line("{\"type\":\"shutdown\",\"payload\":{\"reason\":\"mb down\"}}",
                          "shutdown", &stereos_shutdown_payload, &p));
    assert_true(text_equals(p.shutdown.reason, "mb down"));
    assert_true(read_line("{\"type\":\"shutdown\",\"payload\":{\"grace_period_sec\":5}}",
                          "shutdown", &stereos_shutdown_payload, &p));
    assert_true(text_equals(p.shutdown.reason, ""));
}

/* A payload of null is present, and what was in the memory before is gone. */
static void null_payload_is_all_zero(void **state)
{
    union payload p, zero;

    (void)state;
    memset(&p, 0xff, sizeof p);
    memset(&zero, 0, sizeof zero);
    assert_true(read_line("{\"type\":\"inject_secret\",\"payload\":null}", "inject_secret",
                          &stereos_secret_payload, &p));
    assert_memory_equal(&p, &zero, sizeof p);
}

static void missing_payload(void **state)
{
    static const struct {
        const char *type;
        const struct stereos_payload_type *layout;
        const char *error;
    } messages[] = {
        {"set_config", &stereos_config_payload,
         "decode config payload: envelope set_config has no payload"},
        {"inject_ssh_key", &stereos_ssh_key_payload,
         "decode ssh key payload: envelope inject_ssh_key has no payload"},
        {"inject_secret", &stereos_secret_payload,
         "decode secret payload: envelope inject_secret has no payload"},
        {"mount", &stereos_mount_payload, "decode mount payload: envelope mount has no payload"},
        {"shutdown", &stereos_shutdown_payload,
         "decode shutdown payload: envelope shutdown has no payload"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        union payload p;
        char line[64];

        snprintf(line, sizeof line, "{\"type\":\"%s\"}", messages[i].type);
        assert_false(read_line(line, messages[i].type, messages[i].layout, &p));
        assert_string_equal(error_text, messages[i].error);
    }
}

#define CANNOT "json: cannot unmarshal "

static const struct {
    const struct stereos_payload_type *layout;
    const char *payload;
    const char *error;
} payload_errors[] = {
    {&stereos_secret_payload, "[]",
     "decode secret payload: " CANNOT "array into Go value of type stereosd.SecretPayload"},
    {&stereos_config_payload, "\"x\"",
     "decode config payload: " CANNOT "string into Go value of type stereosd.ConfigPayload"},
    {&stereos_ssh_key_payload, "1",
     "decode ssh key payload: " CANNOT "number into Go value of type stereosd.SSHKeyPayload"},
    {&stereos_mount_payload, "false",
     "decode mount payload: " CANNOT "bool into Go value of type stereosd.MountPayload"},
    {&stereos_shutdown_payload, "[]",
     "decode shutdown payload: " CANNOT "array into Go value of type stereosd.ShutdownPayload"},
    {&stereos_secret_payload, "{\"mode\":\"384\"}",
     "decode secret payload: " CANNOT
     "string into Go struct field SecretPayload.mode of type uint32"},
    {&stereos_secret_payload, "{\"mode\":384.0}",
     "decode secret payload: " CANNOT
     "number 384.0 into Go struct field SecretPayload.mode of type uint32"},
    {&stereos_secret_payload, "{\"mode\":-1}",
     "decode secret payload: " CANNOT
     "number -1 into Go struct field SecretPayload.mode of type uint32"},
    {&stereos_secret_payload, "{\"mode\":4294967296}",
     "decode secret payload: " CANNOT
     "number 4294967296 into Go struct field SecretPayload.mode of type uint32"},
    {&stereos_secret_payload, "{\"NAME\":1}",
     "decode secret payload: " CANNOT
     "number into Go struct field SecretPayload.name of type string"},
    {&stereos_secret_payload, "{\"value\":[]}",
     "decode secret payload: " CANNOT
     "array into Go struct field SecretPayload.value of type string"},
    {&stereos_config_payload, "{\"content\":{}}",
     "decode config payload: " CANNOT
     "object into Go struct field ConfigPayload.content of type string"},
    {&stereos_ssh_key_payload, "{\"user\":true}",
     "decode ssh key payload: " CANNOT
     "bool into Go struct field SSHKeyPayload.user of type string"},
    {&stereos_ssh_key_payload, "{\"public_key\":1}",
     "decode ssh key payload: " CANNOT
     "number into Go struct field SSHKeyPayload.public_key of type string"},
    {&stereos_mount_payload, "{\"read_only\":1}",
     "decode mount payload: " CANNOT
     "number into Go struct field MountPayload.read_only of type bool"},
    {&stereos_mount_payload, "{\"guest_path\":1}",
     "decode mount payload: " CANNOT
     "number into Go struct field MountPayload.guest_path of type string"},
    {&stereos_shutdown_payload, "{\"reason\":1}",
     "decode shutdown payload: " CANNOT
     "number into Go struct field ShutdownPayload.reason of type string"},
};

static void wrong_types_in_payloads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(payload_errors); i++) {
        const char *json = payload_errors[i].payload;
        struct stereos_envelope e = {.payload = {json, (uint32_t)strlen(json)}};
        union payload p;

        assert_false(read_payload(&e, "x", payload_errors[i].layout, &p));
        assert_string_equal(error_text, payload_errors[i].error);
    }
}

static void fields_have_limits(void **state)
{
    static const struct {
        const struct stereos_payload_type *layout;
        const char *key;
        size_t max; /* 0: none */
        const char *error;
    } fields[] = {
        {&stereos_secret_payload, "name", STEREOS_FIELD_MAX,
         "decode secret payload: name too long: limit is 255 bytes"},
        {&stereos_ssh_key_payload, "user", STEREOS_FIELD_MAX,
         "decode ssh key payload: user too long: limit is 255 bytes"},
        {&stereos_mount_payload, "tag", STEREOS_FIELD_MAX,
         "decode mount payload: tag too long: limit is 255 bytes"},
        {&stereos_mount_payload, "guest_path", STEREOS_PATH_MAX,
         "decode mount payload: guest_path too long: limit is 255 bytes"},
        {&stereos_mount_payload, "fs_type", STEREOS_FIELD_MAX,
         "decode mount payload: fs_type too long: limit is 255 bytes"},
        {&stereos_secret_payload, "value", 0, NULL},
        {&stereos_ssh_key_payload, "public_key", 0, NULL},
        {&stereos_config_payload, "content", 0, NULL},
        {&stereos_shutdown_payload, "reason", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        for (size_t n = 254; n <= 256; n++) {
            char value[257] = {0}, json[300];
            union payload p;
            bool fits = fields[i].max == 0 || n <= fields[i].max;

            memset(value, 'v', n);
            int len = snprintf(json, sizeof json, "{\"%s\":\"%s\"}", fields[i].key, value);
            struct stereos_envelope e = {.payload = {json, (uint32_t)len}};
            assert_true(read_payload(&e, "x", fields[i].layout, &p) == fits);
            if (!fits)
                assert_string_equal(error_text, fields[i].error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelopes_are_read),
        cmocka_unit_test(malformed_envelopes),
        cmocka_unit_test(cut_off_lines_are_malformed),
        cmocka_unit_test(type_has_a_limit),
        cmocka_unit_test(set_config),
        cmocka_unit_test(inject_ssh_key),
        cmocka_unit_test(inject_secret),
        cmocka_unit_test(mount),
        cmocka_unit_test(shutdown),
        cmocka_unit_test(null_payload_is_all_zero),
        cmocka_unit_test(missing_payload),
        cmocka_unit_test(wrong_types_in_payloads),
        cmocka_unit_test(fields_have_limits),
    };

    return cmocka_run_group_tests_name("stereos", tests, NULL, NULL);
}
