/* SPDX-License-Identifier: MIT */
/* Bandsox's control channel (proto/bandsox_serial.h): every request and event of the reference. */
#include "proto/bandsox_serial.h"
#include "tests/unit/unit.h"

#define ID      "d2f7a4c0-1111-4222-8333-444455556666"
#define LINE(s) (s), sizeof(s) - 1

static char text[4096];
static struct out o;
static const struct bytes id = {"1v", 2};

static enum bandsox_line read_line(const char *line, size_t len, struct bandsox_order *r)
{
    o = out_to(text, sizeof text);
    *r = (struct bandsox_order){0};
    return bandsox_read(line, len, r, &o);
}

static struct bandsox_order must_read(const char *line)
{
    struct bandsox_order r;

    assert_int_equal(read_line(line, strlen(line), &r), BANDSOX_REQUEST);
    return r;
}

static void assert_text(struct text t, const char *expected)
{
    if (!text_equals(t, expected))
        fail_msg("\"%.*s\" is not \"%s\"", (int)t.json_len, t.json, expected);
}

static void assert_said(const char *expected)
{
    assert_false(o.overflow);
    text[o.len] = '\0';
    assert_string_equal(text, expected);
    o = out_to(text, sizeof text - 1);
}

static void test_exec(void **state)
{
    struct bandsox_order r =
        must_read("{\"command\": \"echo hi\", \"background\": false, \"env\": {},"
                  " \"id\": \"" ID "\", \"type\": \"exec\"}");
    struct text name, value;
    (void)state;

    assert_int_equal(r.verb, BANDSOX_EXEC);
    assert_text(r.command, "echo hi");
    assert_text(r.id, ID);
    assert_false(r.background || r.use_vsock_output);
    assert_false(bandsox_next_variable(&r.env, &name, &value));

    r = must_read("{\"command\": \"echo hi\", \"background\": false, \"env\": "
                  "{\"BANDSOX_VSOCK_PORT\": \"9000\"}, \"use_vsock_output\": true, "
                  "\"vsock_port\": 9000, \"id\": \"" ID "\", \"type\": \"exec\"}");
    assert_true(r.use_vsock_output);
    assert_int_equal(r.vsock_port, 9000);
    assert_true(bandsox_next_variable(&r.env, &name, &value));
    assert_text(name, "BANDSOX_VSOCK_PORT");
    assert_text(value, "9000");
    assert_false(bandsox_next_variable(&r.env, &name, &value));

    r = must_read("{\"type\": \"exec\", \"id\": \"x\", \"command\": \"cat\", \"background\": true, "
                  "\"env\": { \"A\" : \"\\\"}\" , \"B\":null,\"\\u0043\":\"\\\\\" }}");
    assert_true(r.background);
    assert_true(bandsox_next_variable(&r.env, &name, &value));
    assert_text(name, "A");
    assert_text(value, "\"}");
    assert_true(bandsox_next_variable(&r.env, &name, &value));
    assert_text(name, "B");
    assert_text(value, "");
    assert_true(bandsox_next_variable(&r.env, &name, &value));
    assert_text(name, "C");
    assert_true(text_equals_bytes(value, "\\", 1));
    assert_false(bandsox_next_variable(&r.env, &name, &value));
}

static void test_sessions(void **state)
{
    struct bandsox_order r = must_read("{\"type\": \"pty_exec\", \"id\": \"" ID "\", \"command\": "
                                       "\"bash\", \"cols\": 80, \"rows\": 24}");
    (void)state;

    assert_int_equal(r.verb, BANDSOX_PTY_EXEC);
    assert_int_equal(r.cols, 80);
    assert_int_equal(r.rows, 24);
    r = must_read("{\"type\": \"input\", \"id\": \"" ID "\", \"data\": \"ls\\n\"}");
    assert_int_equal(r.verb, BANDSOX_INPUT);
    assert_text(r.data, "ls\n");
    assert_text(r.encoding, "");
    r = must_read("{\"type\":\"input\",\"id\":\"x\",\"data\":\"bHM=\",\"encoding\":\"base64\"}");
    assert_text(r.encoding, "base64");
    r = must_read("{\"type\": \"resize\", \"id\": \"" ID "\", \"cols\": 120, \"rows\": 40}");
    assert_int_equal(r.verb, BANDSOX_RESIZE);
    assert_int_equal(r.cols, 120);
    r = must_read("{\"id\": \"" ID "\", \"type\": \"kill\"}");
    assert_int_equal(r.verb, BANDSOX_KILL);
}

static void test_files(void **state)
{
    struct bandsox_order r =
        must_read("{\"id\": \"" ID "\", \"type\": \"read_file\", \"path\": "
                  "\"/etc/hosts\", \"use_vsock\": true, \"vsock_port\": 9000}");
    (void)state;

    assert_int_equal(r.verb, BANDSOX_READ_FILE);
    assert_text(r.path, "/etc/hosts");
    assert_true(r.use_vsock);
    r = must_read("{\"path\": \"/f\", \"offset\": 1, \"limit\": 2, \"show_line_numbers\": true, "
                  "\"id\": \"" ID "\", \"type\": \"read_file\"}");
    assert_int_equal(r.offset, 1);
    assert_int_equal(r.limit, 2);
    assert_true(r.show_line_numbers);
    r = must_read("{\"path\": \"/f\", \"content\": \"aGk=\", \"append\": false, \"id\": \"" ID
                  "\", \"type\": \"write_file\"}");
    assert_int_equal(r.verb, BANDSOX_WRITE_FILE);
    assert_text(r.content, "aGk=");
    assert_false(r.append);
    r = must_read("{\"path\": \"/f\", \"content\": \"h\\u00e9\", \"append\": true, \"id\": \"" ID
                  "\", \"type\": \"write_text\"}");
    assert_int_equal(r.verb, BANDSOX_WRITE_TEXT);
    assert_text(r.content, "h\xc3\xa9");
    assert_true(r.append);
    r = must_read("{\"path\": \"/f\", \"vsock_port\": 9000, \"append\": false, \"id\": \"" ID
                  "\", \"type\": \"write_file_vsock\"}");
    assert_int_equal(r.verb, BANDSOX_WRITE_FILE_VSOCK);
    assert_int_equal(must_read("{\"type\":\"list_dir\",\"path\":\"/\"}").verb, BANDSOX_LIST_DIR);
    assert_int_equal(must_read("{\"type\":\"file_info\",\"path\":\"/\"}").verb, BANDSOX_FILE_INFO);
    r = must_read("{\"type\":\"whatever\",\"command\":\"id\"}");
    assert_int_equal(r.verb, BANDSOX_UNKNOWN);
    assert_text(r.command, "id");
}

/* Go's int: of either sign, and of any size here; null is as if it were not there. */
static void test_numbers(void **state)
{
    struct bandsox_order r = must_read("{\"offset\":-1,\"limit\":99999999999999999999,"
                                       "\"cols\":null,\"env\":null,\"id\":null}");
    struct text name, value;
    (void)state;

    assert_int_equal(r.offset, 0);
    assert_int_equal(r.limit, UINT32_MAX);
    assert_int_equal(r.cols, 0);
    assert_false(bandsox_next_variable(&r.env, &name, &value));
}

static void test_ignored(void **state)
{
    static const char *const lines[] = {
        "",
        "x",
        "[    0.000000] Linux version 6.1.0",
        "{",
        "[]",
        "7",
        "\"exec\"",
        "{\"type\":\"exec\",\"command\":\"id\"} x",
        "{\"type\":7}",
        "{\"id\":7}",
        "{\"command\":[]}",
        "{\"background\":\"yes\"}",
        "{\"env\":{\"A\":1}}",
        "{\"env\":{\"A\":\"1\",\"B\":{}}}",
        "{\"env\":[\"A\"]}",
        "{\"env\":\"A=1\"}",
        "{\"cols\":1.5}",
        "{\"rows\":\"24\"}",
        "{\"offset\":1e3}",
        "{\"limit\":{}}",
        "{\"vsock_port\":true}",
    };
    struct bandsox_order r;
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (read_line(lines[i], strlen(lines[i]), &r) != BANDSOX_IGNORE)
            fail_msg("%s was not ignored", lines[i]);
}

/* What passes a limit of ours, and no limit of Go's, is told of. */
static void test_refused(void **state)
{
    static char line[8192];
    struct bandsox_order r;
    struct out l = out_to(line, sizeof line);
    (void)state;

    out_str(&l, "{\"type\":\"exec\",\"id\":\"a\",\"env\":{\"V\":\"\"");
    for (int i = 0; i < 200; i++)
        out_str(&l, ",\"V\":\"\"");
    out_str(&l, "}}");
    assert_int_equal(read_line(line, l.len, &r), BANDSOX_REFUSE);
    assert_said("too many keys and values: limit is 256");
    assert_int_equal(r.verb, BANDSOX_EXEC);
    assert_text(r.id, "a");
    line[2] = 'x'; /* nobody can be told: the type is unknown, the id is there */
    assert_int_equal(read_line(line, l.len, &r), BANDSOX_REFUSE);
    assert_int_equal(r.verb, BANDSOX_UNKNOWN);
    memcpy(strstr(line, "\"id\""), "\"ix\"", 4);
    assert_int_equal(read_line(line, l.len, &r), BANDSOX_IGNORE);
}

static void test_peek(void **state)
{
    struct bandsox_order r;
    (void)state;

    assert_true(
        bandsox_peek(LINE("{\"id\": \"7\", \"type\": \"write_file\", \"content\": \"AAA"), &r));
    assert_text(r.id, "7");
    assert_int_equal(r.verb, BANDSOX_WRITE_FILE);
    assert_true(bandsox_has_exit(r.verb));
    assert_false(bandsox_peek(LINE("{\"path\": \"/f\", \"content\": \"AAA"), &r));
    assert_false(bandsox_has_exit(BANDSOX_INPUT));
    assert_false(bandsox_has_exit(BANDSOX_RESIZE));
    assert_false(bandsox_has_exit(BANDSOX_KILL));
}

static void test_events(void **state)
{
    (void)state;
    o = out_to(text, sizeof text - 1);
    bandsox_write_ready(&o);
    assert_said("{\"type\":\"status\",\"payload\":{\"status\":\"ready\"}}\n");
    bandsox_write_started(&o, (struct bytes){"bg", 2}, 12253);
    assert_said("{\"type\":\"status\",\"payload\":{\"cmd_id\":\"bg\",\"pid\":12253,"
                "\"status\":\"started\"}}\n");
    bandsox_write_started(&o, id, 0);
    assert_said("{\"type\":\"status\",\"payload\":{\"cmd_id\":\"1v\",\"status\":\"started\"}}\n");
    bandsox_write_uploaded(&o, id, 5);
    assert_said("{\"type\":\"status\",\"payload\":{\"cmd_id\":\"1v\",\"size\":5,"
                "\"status\":\"uploaded\"}}\n");
    bandsox_write_error(&o, (struct bytes){"rm", 2},
                        (struct bytes){"File not found: /nonexist", 25});
    assert_said("{\"type\":\"error\",\"payload\":{\"cmd_id\":\"rm\","
                "\"error\":\"File not found: /nonexist\"}}\n");
    bandsox_write_exit(&o, (struct bytes){"rm", 2}, 1);
    assert_said("{\"type\":\"exit\",\"payload\":{\"cmd_id\":\"rm\",\"exit_code\":1}}\n");
    bandsox_write_exit(&o, (struct bytes){"<&>", 3}, -1);
    assert_said("{\"type\":\"exit\",\"payload\":{\"cmd_id\":\"\\u003c\\u0026\\u003e\","
                "\"exit_code\":-1}}\n");
    bandsox_write_exit_uploads(&o, id, 0, &(struct bandsox_uploads){.attempted = true});
    assert_said(
        "{\"type\":\"exit\",\"payload\":{\"cmd_id\":\"1v\",\"exit_code\":0,\"vsock_output\":"
        "{\"attempted\":true,\"requested\":true,\"stderr_uploaded\":false,"
        "\"stdout_uploaded\":false}}}\n");
    bandsox_write_exit_uploads(&o, id, 3, &(struct bandsox_uploads){.done = {true, true}});
    assert_said(
        "{\"type\":\"exit\",\"payload\":{\"cmd_id\":\"1v\",\"exit_code\":3,\"vsock_output\":"
        "{\"attempted\":false,\"requested\":true,\"stderr_uploaded\":true,"
        "\"stdout_uploaded\":true}}}\n");
    bandsox_write_output(&o, id, BANDSOX_STDOUT, "hi\n", 3);
    assert_said("{\"type\":\"output\",\"payload\":{\"cmd_id\":\"1v\",\"data\":\"aGkK\","
                "\"encoding\":\"base64\",\"stream\":\"stdout\"}}\n");
    bandsox_write_truncated(&o, id, BANDSOX_STDERR, 4194304);
    assert_said("{\"type\":\"output_truncated\",\"payload\":{\"bytes_sent\":4194304,"
                "\"cmd_id\":\"1v\",\"stream\":\"stderr\"}}\n");
}

static void test_file_events(void **state)
{
    static const uint8_t md5[16] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                    0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
    const struct bytes path = {"/f", 2};
    (void)state;

    o = out_to(text, sizeof text - 1);
    bandsox_begin_content(&o, id);
    out_str(&o, "aGk=");
    bandsox_end_content(&o, path, 1);
    assert_said("{\"type\":\"file_content\",\"payload\":{\"cmd_id\":\"1v\",\"content\":\"aGk=\","
                "\"path\":\"/f\",\"total_lines\":1}}\n");
    bandsox_begin_chunk(&o, id);
    out_str(&o, "aGk=");
    bandsox_end_chunk(&o, path, 65536, 2);
    assert_said("{\"type\":\"file_chunk\",\"payload\":{\"cmd_id\":\"1v\",\"data\":\"aGk=\","
                "\"offset\":65536,\"path\":\"/f\",\"size\":2}}\n");
    bandsox_write_complete(&o, id, path, md5, 1, 0);
    assert_said("{\"type\":\"file_complete\",\"payload\":{\"checksum\":"
                "\"d41d8cd98f00b204e9800998ecf8427e\",\"cmd_id\":\"1v\",\"path\":\"/f\","
                "\"total_lines\":1,\"total_size\":0}}\n");
}

static void test_lists(void **state)
{
    const struct bandsox_file directory = {{"d", 1}, 4096, 7, 0040755};
    const struct bandsox_file file = {{"f", 1}, 2, 1700000000, 0100644};
    (void)state;

    o = out_to(text, sizeof text - 1);
    bandsox_begin_list(&o, id);
    bandsox_write_file(&o, true, &directory);
    bandsox_write_file(&o, false, &file);
    bandsox_end_list(&o, (struct bytes){"/", 1});
    assert_said("{\"type\":\"dir_list\",\"payload\":{\"cmd_id\":\"1v\",\"files\":["
                "{\"mode\":2147484141,\"mtime\":7,\"name\":\"d\",\"size\":4096,"
                "\"type\":\"directory\"},"
                "{\"mode\":420,\"mtime\":1700000000,\"name\":\"f\",\"size\":2,\"type\":\"file\"}],"
                "\"path\":\"/\"}}\n");
    bandsox_begin_list_upload(&o, (struct bytes){"/", 1});
    bandsox_write_file(&o, true, &file);
    bandsox_end_list_upload(&o);
    assert_said("{\"path\":\"/\",\"files\":[{\"mode\":420,\"mtime\":1700000000,\"name\":\"f\","
                "\"size\":2,\"type\":\"file\"}]}");
    bandsox_write_info(&o, id, &file);
    assert_said("{\"type\":\"file_info\",\"payload\":{\"cmd_id\":\"1v\",\"info\":{\"mode\":\"644\","
                "\"mtime\":1700000000,\"size\":2}}}\n");
    bandsox_write_info(&o, id, &directory);
    assert_said("{\"type\":\"file_info\",\"payload\":{\"cmd_id\":\"1v\",\"info\":{\"mode\":"
                "\"20000000755\",\"mtime\":7,\"size\":4096}}}\n");
}

/* fs.FileMode's bits. */
static void test_modes(void **state)
{
    (void)state;
    assert_int_equal(bandsox_mode(0100644), 0644);
    assert_int_equal(bandsox_mode(0041777), 1u << 31 | 1u << 20 | 0777);
    assert_int_equal(bandsox_mode(0104755), 1u << 23 | 0755);
    assert_int_equal(bandsox_mode(0102755), 1u << 22 | 0755);
    assert_int_equal(bandsox_mode(0120777), 1u << 27 | 0777);
    assert_int_equal(bandsox_mode(0010600), 1u << 25 | 0600);
    assert_int_equal(bandsox_mode(0020600), 1u << 26 | 1u << 21 | 0600);
    assert_int_equal(bandsox_mode(0060600), 1u << 26 | 0600);
    assert_int_equal(bandsox_mode(0140600), 1u << 24 | 0600);
}

/* Nothing is written past the end, wherever that is. */
static void test_no_room(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 90; cap++) {
        memset(text, '#', sizeof text);
        o = out_to(text, cap);
        bandsox_write_output(&o, id, BANDSOX_STDOUT, "hello", 5);
        assert_true(o.overflow && o.len <= cap);
        assert_int_equal(text[cap], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec),        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_files),       cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_ignored),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_peek),        cmocka_unit_test(test_events),
        cmocka_unit_test(test_file_events), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_modes),       cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
