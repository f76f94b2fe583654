/* SPDX-License-Identifier: MIT */
/*
 * From a line to its answer: the whole agent but for the loop, on a fake clock. The
 * texts are those of the real guest (protocol StereOS, 1.4 and 1.7).
 */
#include "agent/app.h"
#include "agent/health.h"
#include "agent/lifecycle.h"
#include "agent/services.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>

/* The application has a message, and tries to take one of the agent's. */
static bool app_answer(const struct request *r)
{
    out_str(r->error, "from connection ");
    out_u64(r->error, (uint64_t)r->conn);
    return true;
}

const struct message app_messages[] = {
    {"app", app_answer, NULL, PAYLOAD_ANYTHING},
    {"ping", app_answer, NULL, PAYLOAD_ANYTHING},
};
const size_t app_message_count = 2;

static char reply_text[STEREOS_REPLY_MAX + 1];

static const char *answer_bytes(const char *line, size_t len)
{
    /* A copy of exactly that size: a read past its end is caught. */
    char *exact = test_malloc(len != 0 ? len : 1);
    struct out reply = out_to(reply_text, STEREOS_REPLY_MAX);

    memcpy(exact, line, len);
    bool answered = dispatch_line(7, exact, len, &reply);
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
#define SECRETS(list, more)                                                                        \
    "{\"type\":\"secrets\",\"payload\":{\"secrets\":[" list "],\"more\":" more "}}\n"
#define PURGED(secrets, bytes)                                                                     \
    "{\"type\":\"purged\",\"payload\":{\"secrets\":" secrets ",\"bytes\":" bytes ","               \
    "\"residue\":0}}\n"
#define SYSTEM(path) ACK("mount", "cannot mount over system directory: \\\"" path "\\\"")

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
    /* mote's own, without any secret; what they do with some is told below */
    {"{\"type\":\"list_secrets\"}", SECRETS("", "false")},
    {"{\"type\":\"list_secrets\",\"payload\":null}", SECRETS("", "false")},
    {REQUEST("list_secrets", "\"after\":1"),
     ACK("list_secrets", "decode list payload: json: cannot unmarshal number into Go struct field "
                         "ListPayload.after of type string")},
    {"{\"type\":\"delete_secret\"}",
     ACK("delete_secret", "decode name payload: envelope delete_secret has no payload")},
    {REQUEST("delete_secret", ""), ACK("delete_secret", "secret name cannot be empty")},
    {REQUEST("delete_secret", "\"name\":\"../a\""),
     ACK("delete_secret", "invalid secret name: \\\"../a\\\" (must be a simple filename)")},
    {REQUEST("delete_secret", "\"name\":\"a\\u0000\""),
     ACK("delete_secret", "delete secret \\\"a\\\\x00\\\": open: invalid argument")},
    {REQUEST("delete_secret", "\"name\":\"none\""),
     ACK("delete_secret", "delete secret \\\"none\\\": not found")},
    {"{\"type\":\"rotate_secret\"}",
     ACK("rotate_secret", "decode secret payload: envelope rotate_secret has no payload")},
    {REQUEST("rotate_secret", "\"name\":\".\""),
     ACK("rotate_secret", "invalid secret name: \\\".\\\" (must be a simple filename)")},
    {REQUEST("rotate_secret", "\"name\":\"a\\u0000\""),
     ACK("rotate_secret", "rotate secret \\\"a\\\\x00\\\": open: invalid argument")},
    {REQUEST("rotate_secret", "\"name\":\"none\",\"value\":\"v\""),
     ACK("rotate_secret", "rotate secret \\\"none\\\": not found")},
    {"{\"type\":\"purge_secrets\"}", PURGED("0", "0")},
    {"{\"type\":\"app\"}", ACK("app", "from connection 7")},
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

static uint32_t mode_of(const char *name)
{
    struct store_blob blob;

    assert_int_equal(store_get(STORE_SECRET, name, strlen(name), &blob), MOTE_OK);
    return blob.mode;
}

static void test_rotate_takes_what_is_there(void **state)
{
    (void)state;
    answer(SECRET("\"name\":\"R\",\"value\":\"old\",\"mode\":292"));
    assert_string_equal(answer(REQUEST("rotate_secret", "\"name\":\"R\",\"value\":\"new\"")),
                        OK("rotate_secret"));
    assert_true(stored(STORE_SECRET, "R", "new"));
    assert_int_equal(mode_of("R"), 0444);
    answer(REQUEST("rotate_secret", "\"name\":\"R\",\"mode\":256"));
    assert_true(stored(STORE_SECRET, "R", ""));
    assert_int_equal(mode_of("R"), 0400);
}

/* By name, in byte order, in pieces that are whole; a name of any bytes fits. */
static void test_list_goes_on(void **state)
{
    static char all[20 * 1024];
    char line[2048], name[64] = "";
    int parts = 0;
    (void)state;
    store_wipe();
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof line, SECRET("\"name\":\"%02d%s\",\"value\":\"%.*s\""), (i * 7) % 40,
                 "-with-a-name-that-is-not-short", i, all);
        assert_string_equal(answer(line), OK("inject_secret"));
        memset(all, 'v', 64);
    }
    for (const char *more = ":true"; strcmp(more, ":true") == 0; parts++) {
        snprintf(line, sizeof line, REQUEST("list_secrets", "\"after\":\"%s\""), name);
        const char *reply = answer(line);
        more = strstr(reply, ":true") != NULL ? ":true" : "";
        assert_non_null(strstr(reply, more));
        for (const char *at = reply; (at = strstr(at, "{\"name\":\"")) != NULL; at++) {
            snprintf(name, sizeof name, "%.32s", at + strlen("{\"name\":\""));
            strcat(all + 64, name);
        }
        assert_null(strstr(reply, "vv"));
    }
    assert_true(parts > 1);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "%02d-with-a-name-that-is-not-short", i);
        assert_memory_equal(all + 64 + 32 * i, name, 32);
    }
    assert_int_equal(strlen(all), 64 + 40 * 32);
}

/* However short their names are: one with our own limits can read every answer. */
static void test_list_of_many_can_be_read(void **state)
{
    char line[128], text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    struct stereos_envelope envelope;
    int listed = 0;
    (void)state;
    store_wipe();
    for (int i = 0; i < STORE_ENTRIES; i++) {
        snprintf(line, sizeof line, SECRET("\"name\":\"%c\""), '0' + i);
        answer(line);
    }
    const char *reply = answer("{\"type\":\"list_secrets\"}");
    assert_true(stereos_read_envelope(reply, strlen(reply), &envelope, &error));
    for (const char *at = reply; (at = strstr(at, "\"size\":0")) != NULL; at++)
        listed++;
    assert_int_equal(listed, MOTE_SECRETS_MAX);
    assert_non_null(strstr(reply, "\"more\":true"));
}

/* Injects a secret whose name has as many bytes as can be, all of them escaped. */
static void inject_longest_name(const char *escape)
{
    char line[2048];
    struct out o = out_to(line, sizeof line);

    out_str(&o, "{\"type\":\"inject_secret\",\"payload\":{\"name\":\"");
    for (int i = 0; i < STEREOS_FIELD_MAX; i++)
        out_str(&o, escape);
    out_str(&o, "\"}}");
    assert_false(o.overflow);
    assert_string_equal(answer_bytes(line, o.len), OK("inject_secret"));
}

static void test_list_of_the_longest_names(void **state)
{
    (void)state;
    store_wipe();
    inject_longest_name("\\u0001");
    inject_longest_name("\\u0002");
    const char *reply = answer("{\"type\":\"list_secrets\"}");
    assert_non_null(strstr(reply, "\\u0001\",\"size\":0,\"mode\":384}],\"more\":true}}\n"));
    reply = answer(REQUEST("list_secrets", "\"after\":\"\\u0002\""));
    assert_non_null(strstr(reply, "\\u0002\",\"size\":0,\"mode\":384}],\"more\":false}}\n"));
}

static void test_delete_and_purge(void **state)
{
    (void)state;
    store_wipe();
    answer(SECRET("\"name\":\"A\",\"value\":\"one\""));
    answer(SECRET("\"name\":\"B\",\"value\":\"three\",\"mode\":292"));
    answer(SECRET("\"name\":\"C\",\"value\":\"five5\""));
    answer(REQUEST("set_config", "\"content\":\"stays\""));
    assert_string_equal(answer(REQUEST("delete_secret", "\"name\":\"A\"")), OK("delete_secret"));
    assert_string_equal(answer("{\"type\":\"list_secrets\"}"),
                        SECRETS("{\"name\":\"B\",\"size\":5,\"mode\":292},"
                                "{\"name\":\"C\",\"size\":5,\"mode\":384}",
                                "false"));
    assert_string_equal(answer("{\"type\":\"purge_secrets\"}"), PURGED("2", "10"));
    assert_string_equal(answer("{\"type\":\"list_secrets\"}"), SECRETS("", "false"));
    assert_true(stored(STORE_CONFIG, "jcard.toml", "stays"));
}

static void test_capabilities(void **state)
{
    (void)state;
    assert_string_equal(
        answer("{\"type\":\"capabilities\"}"),
        "{\"type\":\"capabilities\",\"payload\":{\"agent\":\"mote\",\"version\":\"" MOTE_VERSION
        "\",\"protocol\":1,\"platform\":\"fake platform\",\"messages\":[\"ping\",\"get_health\","
        "\"set_config\",\"inject_secret\",\"inject_ssh_key\",\"mount\",\"shutdown\","
        "\"capabilities\",\"list_secrets\",\"delete_secret\",\"rotate_secret\",\"purge_secrets\","
        "\"hostos\",\"vcom\",\"transfer\",\"job\",\"tpm_info\",\"ek\",\"aik\",\"pcr_read\","
        "\"pcr_extend\",\"quote\",\"random\",\"seal\",\"unseal\",\"activate_credential\","
        "\"inject_sealed_secret\",\"app\",\"ping\"],\"limits\":{\"line\":16383,"
        "\"line_seconds\":"
        "60,\"connections\":12,"
        "\"store\":65536,\"names\":64,\"field\":255,\"path\":255,\"type\":64,\"error\":256,"
        "\"depth\":32,\"values\":256,\"agents\":4,\"jobs\":8,\"job_data\":2048,\"nonce\":64,"
        "\"random\":1024,"
        "\"sealed\":128}}}\n");
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
        cmocka_unit_test(test_rotate_takes_what_is_there),
        cmocka_unit_test(test_list_goes_on),
        cmocka_unit_test(test_list_of_many_can_be_read),
        cmocka_unit_test(test_list_of_the_longest_names),
        cmocka_unit_test(test_delete_and_purge),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_mode_defaults_to_0600),
        cmocka_unit_test(test_full_store),
        cmocka_unit_test(test_longest_answers_fit),
        cmocka_unit_test(test_refused_line_names_its_message),
        cmocka_unit_test(test_lifecycle),
        cmocka_unit_test(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
