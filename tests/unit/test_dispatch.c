/* SPDX-License-Identifier: MIT */
/*
 * From a line to its answer: the whole agent but for the loop, on a fake clock. The
 * texts are those of the real guest (protocol StereOS, 1.4 and 1.7).
 */
#include "agent/dispatch.h"
#include "agent/health.h"
#include "agent/lifecycle.h"
#include "platform/platform.h"
#include "platform/store.h"
#include "proto/stereos.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static char reply_text[STEREOS_REPLY_MAX + 1];

static const char *answer_bytes(const char *line, size_t len)
{
    /* A copy of exactly that size: a read past its end is caught. */
    char *exact = test_malloc(len != 0 ? len : 1);
    struct out reply = out_to(reply_text, STEREOS_REPLY_MAX);

    memcpy(exact, line, len);
    bool answered = dispatch_line(0, exact, len, &reply);
    test_free(exact);
    assert_true(answered);
    assert_false(reply.overflow);
    reply_text[reply.len] = '\0';
    return reply_text;
}

static const char *answer(const char *line)
{
    return answer_bytes(line, strlen(line));
}

#define ACK(type, error)                                                                           \
    "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"" type "\",\"ok\":false,\"error\":\"" error     \
    "\"}}\n"
#define OK(type)               "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"" type "\",\"ok\":true}}\n"
#define REQUEST(type, payload) "{\"type\":\"" type "\",\"payload\":{" payload "}}"
#define SECRET(payload)        REQUEST("inject_secret", payload)
#define KEY(payload)           REQUEST("inject_ssh_key", payload)
#define MOUNT(payload)         REQUEST("mount", payload)
#define SYSTEM(path)           ACK("mount", "cannot mount over system directory: \\\"" path "\\\"")

static const struct {
    const char *line, *answer;
} rows[] = {
    {"{\"type\":\"ping\"}", "{\"type\":\"pong\"}\n"},
    {"{\"type\":\"ping\",\"payload\":7}", "{\"type\":\"pong\"}\n"},
    {"{\"TYPE\":\"ping\"}", "{\"type\":\"pong\"}\n"},
    {"{}", ACK("", "unknown message type: ")},
    {"null", ACK("", "unknown message type: ")},
    {"{\"type\":\"pin\"}", ACK("pin", "unknown message type: pin")},
    {"hello", ACK("", "malformed JSON: invalid character 'h' looking for beginning of value")},
    {"{\"type\":\"ping\"}{",
     ACK("", "malformed JSON: invalid character '{' after top-level value")},
    {"[]", ACK("", "malformed JSON: json: cannot unmarshal array into Go value of type "
                   "stereosd.Envelope")},
    /* secrets */
    {SECRET("\"name\":\"a\",\"value\":\"v\",\"mode\":384"), OK("inject_secret")},
    {"{\"type\":\"inject_secret\"}",
     ACK("inject_secret", "decode secret payload: envelope inject_secret has no payload")},
    {"{\"type\":\"inject_secret\",\"payload\":null}",
     ACK("inject_secret", "secret name cannot be empty")},
    {SECRET("\"name\":\"x/y\""),
     ACK("inject_secret", "invalid secret name: \\\"x/y\\\" (must be a simple filename)")},
    {SECRET("\"name\":\"a..b\""),
     ACK("inject_secret", "invalid secret name: \\\"a..b\\\" (must be a simple filename)")},
    {SECRET("\"name\":\".\""),
     ACK("inject_secret", "invalid secret name: \\\".\\\" (must be a simple filename)")},
    {SECRET("\"name\":\"/\""),
     ACK("inject_secret", "invalid secret name: \\\"/\\\" (must be a simple filename)")},
    {SECRET("\"name\":\"a\\u0000b\""),
     ACK("inject_secret", "write secret \\\"a\\\\x00b\\\": open: invalid argument")},
    {SECRET("\"name\":\"a\",\"mode\":\"384\""),
     ACK("inject_secret", "decode secret payload: json: cannot unmarshal string into Go struct "
                          "field SecretPayload.mode of type uint32")},
    /* configuration */
    {REQUEST("set_config", "\"content\":\"x = 1\\n\""), OK("set_config")},
    {REQUEST("set_config", ""), OK("set_config")},
    {"{\"type\":\"set_config\"}",
     ACK("set_config", "decode config payload: envelope set_config has no payload")},
    /* keys */
    {KEY("\"user\":\"admin\",\"public_key\":\"ssh-ed25519 AAAA\\n\""), OK("inject_ssh_key")},
    {KEY("\"public_key\":\"ssh-ed25519 A\""), ACK("inject_ssh_key", "user cannot be empty")},
    {KEY("\"user\":\"u\""), ACK("inject_ssh_key", "public_key cannot be empty")},
    {KEY("\"user\":\"u\",\"public_key\":\"ssh-ed25519\""),
     ACK("inject_ssh_key", "invalid SSH public key format: must start with a recognized key type "
                           "(e.g., ssh-ed25519)")},
    {"{\"type\":\"inject_ssh_key\"}",
     ACK("inject_ssh_key", "decode ssh key payload: envelope inject_ssh_key has no payload")},
    /* mounts */
    {MOUNT("\"guest_path\":\"/w\",\"fs_type\":\"9p\""), ACK("mount", "mount tag cannot be empty")},
    {MOUNT("\"tag\":\"t\",\"fs_type\":\"9p\""), ACK("mount", "mount guest_path cannot be empty")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"/w\""), ACK("mount", "mount fs_type cannot be empty")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"/w\",\"fs_type\":\"ext4\""),
     ACK("mount", "unsupported filesystem type: \\\"ext4\\\" (must be virtiofs or 9p)")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"w/x\",\"fs_type\":\"9p\""),
     ACK("mount", "guest_path must be absolute: \\\"w/x\\\"")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"/etc\",\"fs_type\":\"9p\""), SYSTEM("/etc")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"/etc/x/../y\",\"fs_type\":\"9p\""), SYSTEM("/etc/y")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"//w/./../run//\",\"fs_type\":\"9p\""), SYSTEM("/run")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"/../..\",\"fs_type\":\"virtiofs\""), SYSTEM("/")},
    {MOUNT("\"tag\":\"t\",\"guest_path\":\"/etcetera/\",\"fs_type\":\"virtiofs\""),
     ACK("mount", "mount t at /etcetera: bare metal has no file system: mounting needs mote as "
                  "PID 1 of a Linux kernel with virtiofs or 9p")},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(answer(rows[i].line), rows[i].answer);
}

static bool stored(enum store_kind kind, const char *name, const char *value)
{
    struct store_blob blob;

    return store_get(kind, name, strlen(name), &blob) == MOTE_OK && blob.size == strlen(value) &&
           memcmp(blob.data, value, blob.size) == 0;
}

static void test_what_is_sent_is_stored_decoded(void **state)
{
    struct store_blob blob;
    (void)state;
    answer(SECRET("\"name\":\"A\",\"value\":\"\\u003ctag\\u003e \\\"q\\\" \\ud83d\\ude00\\n\""));
    assert_true(stored(STORE_SECRET, "A", "<tag> \"q\" \xf0\x9f\x98\x80\n"));
    answer(SECRET("\"name\":\"A\",\"value\":\"second\",\"mode\":511"));
    assert_true(stored(STORE_SECRET, "A", "second"));
    assert_int_equal(store_get(STORE_SECRET, "A", 1, &blob), MOTE_OK);
    assert_int_equal(blob.mode, 0777);
    answer(REQUEST("set_config", "\"content\":\"k = \\\"v\\\"\\n\""));
    assert_true(stored(STORE_CONFIG, "jcard.toml", "k = \"v\"\n"));
    answer(KEY("\"user\":\"admin\",\"public_key\":\"ssh-rsa AAAA\\n\\n\""));
    assert_true(stored(STORE_SSH_KEY, "admin", "ssh-rsa AAAA\n"));
    answer(KEY("\"user\":\"admin\",\"public_key\":\"ssh-rsa BBBB\""));
    assert_true(stored(STORE_SSH_KEY, "admin", "ssh-rsa BBBB\n"));
}

static void test_mode_defaults_to_0600(void **state)
{
    struct store_blob blob;
    (void)state;
    answer(SECRET("\"name\":\"M\",\"value\":\"v\",\"mode\":0"));
    assert_int_equal(store_get(STORE_SECRET, "M", 1, &blob), MOTE_OK);
    assert_int_equal(blob.mode, 0600);
}

/* The error names the limit, and what was there stays. */
static void test_full_store(void **state)
{
    static char line[STORE_SIZE + 200];
    (void)state;
    answer(SECRET("\"name\":\"keep\",\"value\":\"me\""));
    int head = snprintf(line, sizeof line, "%s",
                        "{\"type\":\"inject_secret\",\"payload\":{\"name\":\"keep\",\"value\":\"");
    memset(line + head, 'x', STORE_SIZE);
    strcpy(line + head + STORE_SIZE, "\"}}");
    const char *reply = answer(line);
    assert_non_null(strstr(reply, "\"ok\":false,\"error\":\"write secret \\\"keep\\\": store full: "
                                  "65536 bytes wanted, "));
    assert_non_null(strstr(reply, "limit is 65536 bytes"));
    assert_null(strstr(reply, "xxx"));
    assert_true(stored(STORE_SECRET, "keep", "me"));
}

/* The longest texts that a host can make us quote still give one whole, bounded line. */
static void test_longest_answers_fit(void **state)
{
    static const char *const types[] = {"inject_secret", "mount", "inject_ssh_key"};
    static const char *const bytes[] = {"<", "\\u0001", "/", "\\u2028", "\xff"};
    char line[8192];
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        for (size_t b = 0; b < 5; b++) {
            size_t n = (size_t)snprintf(line, sizeof line,
                                        "{\"type\":\"%s\",\"payload\":{\"tag\":\"t\",\"value\":"
                                        "\"v\",\"guest_path\":\"p\",\"public_key\":\"k\","
                                        "\"user\":\"u\",\"fs_type\":\"f\",\"name\":\"",
                                        types[t]);
            for (int i = 0; i < 85; i++)
                n += (size_t)snprintf(line + n, sizeof line - n, "%s", bytes[b]);
            snprintf(line + n, sizeof line - n, "\"}}");
            const char *reply = answer(line);
            assert_true(strchr(reply, '\n') == reply + strlen(reply) - 1);
        }
    }
}

static void test_refused_line_names_its_message(void **state)
{
    static const char start[] = "{\"type\":\"set_config\",\"payload\":{\"content\":\"aaaa";
    struct out reply = out_to(reply_text, STEREOS_REPLY_MAX);
    (void)state;
    dispatch_refuse(start, strlen(start), "line too long", 16383, " bytes", &reply);
    reply_text[reply.len] = '\0';
    assert_string_equal(reply_text, ACK("set_config", "line too long: limit is 16383 bytes"));
}

/* One after the other: there is no way back from shutdown. */
static void test_lifecycle(void **state)
{
    (void)state;
    fake_now = UINT64_C(61500000000);
    assert_string_equal(answer("{\"type\":\"get_health\"}"),
                        "{\"type\":\"health\",\"payload\":{\"state\":\"booting\","
                        "\"uptime_seconds\":61}}\n");
    assert_false(lifecycle_enter(LIFECYCLE_HEALTHY, "too early"));
    assert_true(lifecycle_enter(LIFECYCLE_READY, "started"));
    assert_int_equal(health_report("coder", true, NULL, NULL), MOTE_OK);
    assert_string_equal(answer("{\"type\":\"get_health\"}"),
                        "{\"type\":\"health\",\"payload\":{\"state\":\"healthy\",\"agents\":[{"
                        "\"name\":\"coder\",\"running\":true,\"restarts\":0}],"
                        "\"uptime_seconds\":61}}\n");
    health_report("coder", false, NULL, "it broke");
    assert_int_equal(lifecycle_state(), LIFECYCLE_DEGRADED);
    health_report("coder", true, NULL, NULL);
    assert_string_equal(answer("{\"type\":\"get_health\"}"),
                        "{\"type\":\"health\",\"payload\":{\"state\":\"healthy\",\"agents\":[{"
                        "\"name\":\"coder\",\"running\":true,\"restarts\":1}],"
                        "\"uptime_seconds\":61}}\n");
    health_report("coder", false, NULL, NULL);
    assert_int_equal(lifecycle_state(), LIFECYCLE_READY);
    for (int i = 1; i < HEALTH_AGENTS_MAX; i++)
        assert_int_equal(
            health_report((const char *const[]){"a", "b", "c", "d"}[i], false, NULL, NULL),
            MOTE_OK);
    assert_int_equal(health_report("one more", true, NULL, NULL), MOTE_ERR_NO_ROOM);
}

static void test_shutdown(void **state)
{
    (void)state;
    assert_string_equal(answer("{\"type\":\"shutdown\",\"payload\":{\"reason\":7}}"),
                        OK("shutdown"));
    assert_int_equal(lifecycle_state(), LIFECYCLE_SHUTDOWN);
    assert_string_equal(answer("{\"type\":\"shutdown\"}"), OK("shutdown"));
    assert_false(lifecycle_enter(LIFECYCLE_READY, "no way back"));
    assert_non_null(strstr(answer("{\"type\":\"get_health\"}"), "\"state\":\"shutdown\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_what_is_sent_is_stored_decoded),
        cmocka_unit_test(test_mode_defaults_to_0600),
        cmocka_unit_test(test_full_store),
        cmocka_unit_test(test_longest_answers_fit),
        cmocka_unit_test(test_refused_line_names_its_message),
        cmocka_unit_test(test_lifecycle),
        cmocka_unit_test(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
