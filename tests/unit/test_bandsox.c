/* SPDX-License-Identifier: MIT */
/* The lines of Bandsox's vsock channel, whole, in pieces, and as no host should write them. */
#include "proto/bandsox.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LINE_MAX     1024

static char line[LINE_MAX], data[512], error_text[256];
static size_t data_len;
static struct bandsox_reader reader;
static struct bandsox_answer answer;

static void begin(uint32_t max)
{
    reader = (struct bandsox_reader){.line = line, .max = max};
    data_len = 0;
}

/* Feeds text in pieces of step bytes, each in memory of its own; stops behind a line, whose end
 * is *used then, or when something is bad. */
static enum bandsox_step feed(const char *text, size_t len, size_t step, size_t *used)
{
    enum bandsox_step result = BANDSOX_MORE;
    struct bandsox_piece piece;

    for (size_t at = 0; at < len; at += piece.consumed) {
        size_t n = step < len - at ? step : len - at;
        char *copy = malloc(n);
        memcpy(copy, text + at, n);
        result = bandsox_next(&reader, copy, n, &piece);
        assert_true(piece.consumed <= n);
        if (result == BANDSOX_DATA) {
            assert_true(piece.n != 0 && data_len + piece.n <= sizeof data);
            memcpy(data + data_len, piece.at, piece.n);
            data_len += piece.n;
        }
        free(copy);
        if (result == BANDSOX_LINE || result == BANDSOX_BAD) {
            *used = at + piece.consumed;
            return result;
        }
    }
    return result;
}

static bool read_answer(const char *text, size_t step)
{
    struct out error = out_to(error_text, sizeof error_text - 1);
    size_t used;

    begin(BANDSOX_LINE_MIN);
    assert_int_equal(feed(text, strlen(text), step, &used), BANDSOX_LINE);
    assert_int_equal(used, strlen(text));
    bool good = bandsox_read_answer(&reader, &answer, &error);
    error_text[error.len] = '\0';
    return good;
}

static struct bytes bytes_of(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static void test_requests(void **state)
{
    static const struct {
        const char *type, *path, *cmd_id, *checksum;
        int64_t size;
        const char *line;
    } cases[] = {
        {"ping", "", "", NULL, 0, "{\"type\":\"ping\"}\n"},
        {"ping", "", "abc", NULL, 0, "{\"type\":\"ping\",\"cmd_id\":\"abc\"}\n"},
        {"upload", "/etc/hosts", "ID", "", 5,
         "{\"type\":\"upload\",\"path\":\"/etc/hosts\",\"size\":5,\"checksum\":\"\",\"cmd_id\":"
         "\"ID\"}\n"},
        {"upload", "/a\"b\n", "ID", "5d41402abc4b2a76b9719d911017c592", 0,
         "{\"type\":\"upload\",\"path\":\"/a\\\"b\\n\",\"size\":0,\"checksum\":"
         "\"5d41402abc4b2a76b9719d911017c592\",\"cmd_id\":\"ID\"}\n"},
        {"download", "/x", "ID", NULL, 0,
         "{\"type\":\"download\",\"path\":\"/x\",\"cmd_id\":\"ID\"}\n"},
        {"download_raw", "/x", "ID", NULL, 0,
         "{\"type\":\"download_raw\",\"path\":\"/x\",\"cmd_id\":\"ID\"}\n"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bandsox_request r = {.type = cases[i].type,
                                    .path = bytes_of(cases[i].path),
                                    .cmd_id = bytes_of(cases[i].cmd_id),
                                    .has_size = cases[i].checksum != NULL,
                                    .size = (uint64_t)cases[i].size,
                                    .checksum = cases[i].checksum};
        struct out o = out_to(text, sizeof text - 1);
        bandsox_write_request(&o, &r);
        text[o.len] = '\0';
        assert_string_equal(text, cases[i].line);
        o = out_to(text, strlen(cases[i].line) - 1);
        bandsox_write_request(&o, &r);
        assert_true(o.overflow);
    }
}

/* Every answer that is known, and the same in other dress. */
static void test_answers(void **state)
{
    static const struct {
        const char *line;
        enum bandsox_type type;
        const char *cmd_id, *error, *checksum; /* NULL: absent */
        int64_t size;                          /* -1: absent */
    } cases[] = {
        {"{\"type\": \"pong\", \"cmd_id\": \"ping\"}\n", BANDSOX_PONG, "ping", NULL, NULL, -1},
        {"{\"type\": \"pong\", \"cmd_id\": \"abc\"}\n", BANDSOX_PONG, "abc", NULL, NULL, -1},
        {"{\"type\": \"ready\", \"cmd_id\": \"ID\"}\n", BANDSOX_READY, "ID", NULL, NULL, -1},
        {"{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 5}\n", BANDSOX_COMPLETE, "ID",
         NULL, NULL, 5},
        {"{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 150000, \"checksum\": "
         "\"5d41402abc4b2a76b9719d911017c592\"}\n",
         BANDSOX_COMPLETE, "ID", NULL, "5d41402abc4b2a76b9719d911017c592", 150000},
        {"{\"type\": \"ready\", \"cmd_id\": \"ID\", \"size\": 13, \"checksum\": \"\"}\n",
         BANDSOX_READY, "ID", NULL, "", 13},
        {"{\"type\": \"error\", \"cmd_id\": \"unknown\", \"error\": \"Invalid JSON: Expecting "
         "value: line 1 column 1 (char 0)\"}\n",
         BANDSOX_ERROR, "unknown", "Invalid JSON: Expecting value: line 1 column 1 (char 0)", NULL,
         -1},
        {"{\"type\": \"error\", \"cmd_id\": \"ID\", \"error\": \"Failed to write file: [Errno 21] "
         "Is a directory: '/\\u00e9'\"}\n",
         BANDSOX_ERROR, "ID", "Failed to write file: [Errno 21] Is a directory: '/\xc3\xa9'", NULL,
         -1},
        {"{\"size\":9223372036854775799,\"checksum\":null,\"cmd_id\":null,\"type\":\"complete\"}"
         "\r\n",
         BANDSOX_COMPLETE, NULL, NULL, NULL, 9223372036854775799},
        {"{\"size\":null , \"offset\":null,\"what\":[{\"is\":\"this\"}],\"type\":\"ready\"}\n",
         BANDSOX_READY, NULL, NULL, NULL, -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step < 12; step++) {
            assert_true(read_answer(cases[i].line, step == 11 ? 4096 : step));
            assert_int_equal(answer.type, cases[i].type);
            assert_int_equal(answer.has_size, cases[i].size >= 0);
            assert_true(answer.size == (cases[i].size >= 0 ? (uint64_t)cases[i].size : 0));
            assert_false(answer.has_offset || answer.has_data);
            const struct text *texts[] = {&answer.cmd_id, &answer.error, &answer.checksum};
            const char *const wanted[] = {cases[i].cmd_id, cases[i].error, cases[i].checksum};
            for (int k = 0; k < 3; k++) {
                assert_int_equal(texts[k]->json != NULL, wanted[k] != NULL);
                assert_true(wanted[k] == NULL || text_equals(*texts[k], wanted[k]));
            }
        }
}

static void test_names_of_types(void **state)
{
    (void)state;
    assert_string_equal(bandsox_type_names[BANDSOX_READY], "ready");
    assert_string_equal(bandsox_type_names[BANDSOX_CHUNK], "chunk");
    assert_string_equal(bandsox_type_names[BANDSOX_COMPLETE], "complete");
    assert_string_equal(bandsox_type_names[BANDSOX_ERROR], "error");
    assert_string_equal(bandsox_type_names[BANDSOX_PONG], "pong");
}

/* What is in "data" never gets into the line, wherever it stands. */
static void test_chunks(void **state)
{
    static const char *const lines[] = {
        "{\"type\": \"chunk\", \"cmd_id\": \"ID\", \"data\": \"aGVsbG8=\", \"offset\": 65536, "
        "\"size\": 5}\n",
        "{\"data\":\"aGVsbG8=\",\"size\":5,\"offset\":65536,\"type\":\"chunk\"}\n",
        "{\t\"data\"\r : \t\"aGVsbG8=\" , \"size\":5,\"offset\":65536,\"type\":\"chunk\"}\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        for (size_t step = 1; step < 40; step++) {
            assert_true(read_answer(lines[i], step == 39 ? 4096 : step));
            assert_int_equal(answer.type, BANDSOX_CHUNK);
            assert_true(answer.has_data && answer.has_size && answer.has_offset);
            assert_true(answer.offset == 65536 && answer.size == 5);
            assert_int_equal(data_len, 8);
            assert_memory_equal(data, "aGVsbG8=", 8);
            assert_null(memchr(line, '=', reader.len));
        }
    assert_true(read_answer("{\"type\":\"chunk\",\"data\":\"\",\"offset\":0,\"size\":0}\n", 9));
    assert_true(answer.has_data && data_len == 0);
}

/* Only the key itself: not its end, its name as a value, nor a number under it. */
static void test_what_is_no_data(void **state)
{
    static const char *const lines[] = {
        "{\"type\":\"chunk\",\"x\\\"data\":\"aGk=\"}\n",
        "{\"type\":\"chunk\",\"mydata\":\"aGk=\"}\n",
        "{\"type\":\"chunk\",\"x\":\"data\",\"y\":\"aGk=\"}\n",
        "{\"type\":\"chunk\",\"data\":null}\n",
        "{\"a\":\"b\",\"type\":\"chunk\"}\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        assert_true(read_answer(lines[i], 4096));
        assert_false(answer.has_data);
        assert_int_equal(data_len, 0);
    }
    /* one that lies deeper is taken out, and is none all the same */
    assert_true(read_answer("{\"type\":\"chunk\",\"x\":{\"data\":\"aGk=\"}}\n", 4096));
    assert_false(answer.has_data);
    assert_false(read_answer("{\"type\":\"chunk\",\"data\":5}\n", 4096));
}

/* `ready` and `complete` of an empty upload come in one packet. */
static void test_two_lines_at_once(void **state)
{
    static const char both[] = "{\"type\": \"ready\", \"cmd_id\": \"ID\"}\n"
                               "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 0}\npayload";
    struct out error = out_to(error_text, sizeof error_text);
    size_t first, second;
    (void)state;
    begin(BANDSOX_LINE_MIN);
    assert_int_equal(feed(both, sizeof both - 1, 4096, &first), BANDSOX_LINE);
    assert_true(bandsox_read_answer(&reader, &answer, &error) && answer.type == BANDSOX_READY);
    assert_int_equal(feed(both + first, sizeof both - 1 - first, 4096, &second), BANDSOX_LINE);
    assert_true(bandsox_read_answer(&reader, &answer, &error) && answer.type == BANDSOX_COMPLETE);
    assert_string_equal(both + first + second, "payload");
}

static void test_bad_streams(void **state)
{
    static const struct {
        const char *text, *rule;
    } cases[] = {
        {"{\"data\":\"aGk=\",\"data\":\"aGk=\"}\n", "an answer has two data"},
        {"{\"data\":\"aG\\u006b=\"}\n", "an answer has something else than base64 in its data"},
        {"{\"data\":\"aG\nk=\"}\n", "an answer has something else than base64 in its data"},
        {"{\"type\":\"re\nady\"}\n", "an answer has a control character in a string"},
        {"{\"type\":\"re\\\tady\"}\n", "an answer has a control character in a string"},
    };
    size_t used;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step < 64; step++) {
            begin(BANDSOX_LINE_MIN);
            assert_int_equal(feed(cases[i].text, strlen(cases[i].text), step, &used), BANDSOX_BAD);
            assert_string_equal(reader.rule, cases[i].rule);
        }
}

/* Garbage without an end is refused as soon as it is longer than any answer. */
static void test_too_long(void **state)
{
    char text[LINE_MAX];
    size_t used;
    (void)state;
    memset(text, '1', sizeof text);
    begin(BANDSOX_LINE_MIN);
    assert_int_equal(feed(text, sizeof text, 100, &used), BANDSOX_BAD);
    assert_string_equal(reader.rule, "an answer is too long");
    assert_int_equal(reader.len, BANDSOX_LINE_MIN);
    /* and so are strings without number, and the one that begins where others are cut */
    memset(text, '"', sizeof text);
    begin(BANDSOX_LINE_MIN);
    assert_int_equal(feed(text, sizeof text, 100, &used), BANDSOX_BAD);
    assert_string_equal(reader.rule, "an answer is too long");
    memset(text, '1', sizeof text);
    text[BANDSOX_LINE_MIN - 100] = '"';
    begin(BANDSOX_LINE_MIN);
    assert_int_equal(feed(text, sizeof text, 100, &used), BANDSOX_BAD);
    assert_string_equal(reader.rule, "an answer is too long");
    assert_int_equal(used, BANDSOX_LINE_MIN + 1);
}

static void test_bad_answers(void **state)
{
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"\n", "unexpected end of JSON input"},
        {"HTTP/1.1 400 Bad Request\n", "invalid character 'H' looking for beginning of value"},
        {"[]\n", "json: cannot unmarshal array into Go value of type bandsox.Answer"},
        {"{\"type\":\"success\"}\n", "unexpected answer of type \"success\""},
        {"{\"type\":\"\\u0u00\"}\n", "invalid character 'u' in \\u hexadecimal character escape"},
        {"{\"type\":null}\n", "unexpected answer of type \"\""},
        {"{\"cmd_id\":5,\"type\":\"pong\"}\n",
         "json: cannot unmarshal number into Go struct field Answer.cmd_id of type string"},
        {"{\"type\":\"ready\",\"size\":-1}\n", "a size or an offset is no number of bytes"},
        {"{\"type\":\"ready\",\"size\":1.5}\n", "a size or an offset is no number of bytes"},
        {"{\"type\":\"ready\",\"size\":\"5\"}\n", "a size or an offset is no number of bytes"},
        {"{\"type\":\"ready\",\"offset\":{}}\n", "a size or an offset is no number of bytes"},
        {"{\"type\":\"ready\",\"size\":9223372036854775809}\n",
         "a size or an offset is no number of bytes"},
        {"{\"type\":\"ready\",\"size\":92233720368547758070}\n",
         "a size or an offset is no number of bytes"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(read_answer(cases[i].line, 4096));
        assert_string_equal(error_text, cases[i].why);
    }
}

/* An error text that is longer than any memory for it is cut, and at no place in an escape. */
static void test_long_errors(void **state)
{
    static const char *const units[] = {"x", "\\u00e9", "\\\"", "\\\\", "\\ud83d\\ude00"};
    static const char start[] = "{\"type\": \"error\", \"error\": \"";
    static char text[65536 + 256];
    (void)state;
    for (size_t u = 0; u < COUNT(units); u++)
        for (int shift = 0; shift < 13; shift++) {
            int n =
                sprintf(text, "{\"type\": \"error\", \"error\": \"%.*s", shift, "aaaaaaaaaaaaa");
            while (n < 65536)
                n += sprintf(text + n, "%s", units[u]);
            sprintf(text + n, "\", \"cmd_id\": \"ID\"}\n");
            assert_true(read_answer(text, 4096));
            assert_int_equal(answer.type, BANDSOX_ERROR);
            assert_true(text_equals(answer.cmd_id, "ID"));
            assert_true(answer.error.json_len > 400);
            assert_memory_equal(answer.error.json, text + sizeof start - 1, answer.error.json_len);
            size_t len = bandsox_decode(answer.error, line);
            assert_true(len >= (answer.error.json_len - (size_t)shift) / 6 && len < LINE_MAX);
            assert_int_equal(line[shift], u == 0   ? 'x'
                                          : u == 2 ? '"'
                                          : u == 3 ? '\\'
                                          : u == 1 ? '\xc3'
                                                   : '\xf0');
        }
}

static void test_decoding_in_place(void **state)
{
    char bytes[64] = "12\xff\xff\xff\xff";
    (void)state;
    /* each becomes three bytes: the second would lie on what is not read yet */
    assert_int_equal(bandsox_decode((struct text){bytes + 2, 4}, bytes), 3);
    assert_memory_equal(bytes, "\xef\xbf\xbd\xff\xff\xff", 6);
    strcpy(bytes, "{\"a\\nb");
    assert_int_equal(bandsox_decode((struct text){bytes + 2, 4}, bytes), 3);
    assert_memory_equal(bytes, "a\nb", 3);
    assert_int_equal(bandsox_decode((struct text){0}, bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),          cmocka_unit_test(test_answers),
        cmocka_unit_test(test_names_of_types),    cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_what_is_no_data),   cmocka_unit_test(test_two_lines_at_once),
        cmocka_unit_test(test_bad_streams),       cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_bad_answers),       cmocka_unit_test(test_long_errors),
        cmocka_unit_test(test_decoding_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
