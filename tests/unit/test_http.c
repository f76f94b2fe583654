/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/http.h. An answer is data: its bytes, and what must come of them. Each arrives
 * whole, in two pieces cut at every place, and byte by byte, and what comes of it must never
 * depend on that. An answer that tells its own end is also cut off at every place.
 */
#include "tests/unit/answers.h"

#include <stdio.h>

#define POSTED                                                                                     \
    "POST /tpm/activatecredparams HTTP/1.1\r\n"                                                    \
    "Host: vcom\r\n"                                                                               \
    "Content-Type: application/x-proto-binary\r\n"                                                 \
    "Content-Length: 6\r\n"                                                                        \
    "Connection: close\r\n"                                                                        \
    "\r\n"

#define STATUS_LINE "not an HTTP/1.x status line"
#define LENGTH      "a Content-Length that is no number, or too large"
#define CODING      "a Transfer-Encoding that is not chunked, or not alone"
#define CHUNK_SIZE  "a chunk's size that is no number, or too large"
#define CHUNK_END   "a chunk that is longer than its size"
#define LINE_END    "a line that does not end in CR LF"
#define CONTROL     "a control character in a line"
#define NO_NAME     "a header line without a name"

static void assert_answer(const char *data, size_t n, unsigned status, const char *body, size_t len)
{
    static struct outcome o;

    receive_all_ways(data, n, &o);
    assert_int_equal(o.step, HTTP_END);
    assert_int_equal(o.status, status);
    assert_int_equal(o.len, len);
    assert_memory_equal(o.body, body, len);
    assert_false(o.by_end);
    assert_int_equal(o.rest, 0);
    assert_cut_off_is_bad(data, n);
}

static void test_post(void **state)
{
    char text[256];
    struct out o = out_to(text, sizeof text);
    (void)state;
    http_write_post(&o, "/tpm/activatecredparams", "vcom", "application/x-proto-binary", 6);
    assert_false(o.overflow);
    assert_int_equal(o.len, strlen(POSTED));
    assert_memory_equal(text, POSTED, o.len);
}

static void test_post_without_room(void **state)
{
    char text[256];
    (void)state;
    for (size_t cap = 0; cap < strlen(POSTED); cap++) {
        struct out o = out_to(text, cap);
        http_write_post(&o, "/tpm/activatecredparams", "vcom", "application/x-proto-binary", 6);
        assert_true(o.overflow);
    }
}

static const struct {
    const char *answer;
    unsigned status;
    const char *body;
    bool by_end; /* needs the end of the stream */
    size_t rest;
} rows[] = {
    /* as Go's net/http sends them */
    {"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: "
     "close\r\n\r\n400 Bad Request",
     400, "400 Bad Request", true, 0},
    {"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "X-Content-Type-Options: nosniff\r\nDate: Fri, 20 Nov 2026 10:27:29 GMT\r\n"
     "Content-Length: 23\r\n\r\nMethod GET not allowed\n",
     405, "Method GET not allowed\n", false, 0},
    {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\nConnection: close\r\n\r\nno\r\n",
     500, "no\r\n", false, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", false, 0},
    {"HTTP/1.0 200 OK\r\n\r\nabc", 200, "abc", true, 0},
    {OK_HEAD "\r\n", 200, "", true, 0},
    {OK_HEAD "\r\nHTTP/1.1 200 OK\r\n\r\n", 200, OK_HEAD "\r\n", true, 0},
    /* what follows is not the answer's */
    {OK_HEAD "Content-Length: 3\r\n\r\nabcHTTP/1.1", 200, "abc", false, 8},
    {OK_HEAD "Content-Length: 0\r\n\r\nabc", 200, "", false, 3},
    {CHUNKED "0\r\n\r\n\r\n", 200, "", false, 2},
    /* no body, whatever is said of one */
    {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", false, 0},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", 304, "", false, 0},
    {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, "", false, 0},
    /* passed over */
    {"HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 1\r\n\r\na", 200, "a", false, 0},
    {"HTTP/1.1 199 x\r\nContent-Length: 9\r\n\r\nHTTP/1.1 100 x\r\nTransfer-Encoding: "
     "chunked\r\n\r\n" OK_HEAD "\r\na",
     200, "a", true, 0},
    /* status lines */
    {"HTTP/1.1 999\r\nContent-Length: 0\r\n\r\n", 999, "", false, 0},
    {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, "", false, 0},
    {"HTTP/1.1 200 \xc3\xa4\t\xff\r\nContent-Length: 0\r\n\r\n", 200, "", false, 0},
    /* headers */
    {OK_HEAD "content-length:2\r\n\r\nab", 200, "ab", false, 0},
    {OK_HEAD "CONTENT-LENGTH: \t 2 \t\r\n\r\nab", 200, "ab", false, 0},
    {OK_HEAD "Content-Length: 2\r\ncontent-length: 02\r\n\r\nab", 200, "ab", false, 0},
    {OK_HEAD "Content-Lengt: 9\r\nContent-Lengthy: 8\r\nContent-Lengtx: 7\r\nX: Content-Length: "
             "6\r\nContent-Length: 2\r\nY:\r\nZ: \t\r\nA::\r\n\r\nab",
     200, "ab", false, 0},
    /* chunks */
    {CHUNKED "3\r\nabc\r\n0\r\n\r\n", 200, "abc", false, 0},
    {OK_HEAD "tRANSFER-eNCODING:\tChunKed \r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 200, "abc",
     false, 0},
    {CHUNKED "a\r\n0123456789\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n000\r\n\r\n", 200,
     "0123456789\r\n\r\n\r\n\r\n\r\n", false, 0},
    {CHUNKED "1;x=\"y\r\na\r\n1 \t;\r\nb\r\n1 \r\nc\r\n0;last\r\nA: b\r\n c\r\nContent-Length: "
             "9\r\n\r\n",
     200, "abc", false, 0},
};

static void test_rows(void **state)
{
    static struct outcome o;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = strlen(rows[i].answer);
        receive_all_ways(rows[i].answer, n, &o);
        assert_int_equal(o.step, HTTP_END);
        assert_int_equal(o.status, rows[i].status);
        assert_int_equal(o.len, strlen(rows[i].body));
        assert_memory_equal(o.body, rows[i].body, o.len);
        assert_int_equal(o.by_end, rows[i].by_end);
        assert_int_equal(o.rest, rows[i].rest);
        if (!o.by_end)
            assert_cut_off_is_bad(rows[i].answer, n - o.rest);
    }
}

static const struct {
    const char *answer, *rule, *body;
} bad_rows[] = {
    /* not the protocol: told at the first byte that shows it */
    {"{\"channel\":1,\"error\":\"received malformed packet\"}", STATUS_LINE, ""},
    {"HTTP/2", STATUS_LINE, ""},
    {"http/1.1", STATUS_LINE, ""},
    {"\r", STATUS_LINE, ""},
    {"HTTP/1.2 200 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.11 200 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1\r\n", STATUS_LINE, ""},
    {"HTTP/1.1x200 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 20\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 2000\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 099 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 2 0 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 +20 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1  200 OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 20a OK\r\n", STATUS_LINE, ""},
    {"HTTP/1.1 100 Continue\r\n\r\nabc", STATUS_LINE, ""},
    /* lines */
    {"HTTP/1.1 200 OK\n", LINE_END, ""},
    {OK_HEAD "A: b\n\n", LINE_END, ""},
    {OK_HEAD "\n", LINE_END, ""},
    {CHUNKED "1\na\r\n", LINE_END, ""},
    {CHUNKED "0\r\nA: b\n", LINE_END, ""},
    {"HTTP/1.1 200 O\x01K\r\n", CONTROL, ""},
    {OK_HEAD "A: b\rContent-Length: 1\r\n", CONTROL, ""},
    {OK_HEAD "A\x7f: b\r\n", CONTROL, ""},
    {OK_HEAD "\x0d"
             "content-Length: 1\r\n",
     CONTROL, ""},
    {OK_HEAD "Content\x0dLength: 1\r\n", CONTROL, ""},
    {CHUNKED "1;\x1f\r\na\r\n", CONTROL, ""},
    {CHUNKED "0\r\nA\x1f\r\n", CONTROL, ""},
    /* headers */
    {OK_HEAD " A: b\r\n", "a folded header line", ""},
    {OK_HEAD "A: b\r\n\tc\r\n", "a folded header line", ""},
    {OK_HEAD "A\r\n", NO_NAME, ""},
    {OK_HEAD ": b\r\n", NO_NAME, ""},
    {OK_HEAD "Content-Length : 1\r\n", NO_NAME, ""},
    {OK_HEAD "Content-Length\t: 1\r\n", NO_NAME, ""},
    {OK_HEAD "Content-Length:\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: -1\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: +1\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: 0x1\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: a\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: 1 1\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: 1, 1\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: 18446744073709551616\r\n", LENGTH, ""},
    {OK_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n", "two different Content-Lengths", ""},
    {OK_HEAD "Transfer-Encoding: gzip\r\n", CODING, ""},
    {OK_HEAD "Transfer-Encoding: identity\r\n", CODING, ""},
    {OK_HEAD "Transfer-Encoding: gzip, chunked\r\n", CODING, ""},
    {OK_HEAD "Transfer-Encoding: chunked, chunked\r\n", CODING, ""},
    {OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CODING, ""},
    {OK_HEAD "Transfer-Encoding:\r\n", CODING, ""},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", CODING, ""},
    {OK_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
     "both Content-Length and Transfer-Encoding", ""},
    {OK_HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
     "both Content-Length and Transfer-Encoding", ""},
    /* chunks */
    {CHUNKED "\r\n", CHUNK_SIZE, ""},
    {CHUNKED "g\r\n", CHUNK_SIZE, ""},
    {CHUNKED "-1\r\n", CHUNK_SIZE, ""},
    {CHUNKED " 1\r\n", CHUNK_SIZE, ""},
    {CHUNKED ";\r\n", CHUNK_SIZE, ""},
    {CHUNKED "0x1\r\n", CHUNK_SIZE, ""},
    {CHUNKED "1 1\r\n", CHUNK_SIZE, ""},
    {CHUNKED "10000000000000000\r\n", CHUNK_SIZE, ""},
    {CHUNKED "1\r\nab", CHUNK_END, "a"},
    {CHUNKED "1\r\na\rb", CHUNK_END, "a"},
    {CHUNKED "1\r\na\n", CHUNK_END, "a"},
    {CHUNKED "1\r\na0\r\n\r\n", CHUNK_END, "a"},
    {CHUNKED "2\r\nab\r\nx\r\n", CHUNK_SIZE, "ab"},
};

static void test_bad_rows(void **state)
{
    static struct outcome o;
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        receive_all_ways(bad_rows[i].answer, strlen(bad_rows[i].answer), &o);
        assert_int_equal(o.step, HTTP_BAD);
        assert_string_equal(o.rule, bad_rows[i].rule);
        assert_false(o.by_end); /* nobody has to wait for it */
        assert_int_equal(o.len, strlen(bad_rows[i].body));
        assert_memory_equal(o.body, bad_rows[i].body, o.len);
    }
}

/* Every character, as it may or may not stand in a line. */
static void test_every_character_in_a_line(void **state)
{
    static struct outcome o;
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        int n = sprintf(answer, OK_HEAD "A: bXc\r\nContent-Length: 0\r\n\r\n");
        *strchr(answer, 'X') = (char)c;
        receive(answer, (size_t)n, (size_t)n, 1, &o);
        if ((c >= ' ' && c != 0x7f) || c == '\t')
            assert_int_equal(o.step, HTTP_END);
        else
            assert_string_equal(o.rule, c == '\n' ? LINE_END : CONTROL);
    }
}

/* -- the answers of EVE's VComLink */

static char body[BODY_MAX];

static void fill_body(size_t n)
{
    for (size_t i = 0; i < n; i++)
        body[i] = (char)(i * 7 + i / 251); /* line ends and NUL among them */
}

static size_t begin_answer(const char *framing)
{
    size_t at = append_text(0, OK_HEAD "Content-Type: application/x-proto-binary\r\n"
                                       "Date: Fri, 20 Nov 2026 10:27:29 GMT\r\n");
    at = append_text(at, framing);
    return append_text(at, "\r\nConnection: close\r\n\r\n");
}

static void test_activation_parameters(void **state)
{
    (void)state;
    fill_body(638);
    memcpy(body, "\x0a\xba\x02", 3);
    memcpy(body + 3 + 314, "\x12\x98\x02", 3);
    memcpy(body + 3 + 314 + 3 + 280, "\x1a\x24", 2);
    size_t n = append(begin_answer("Content-Length: 638"), body, 638);
    assert_answer(answer, n, 200, body, 638);
}

static void test_largest_body_without_chunks(void **state)
{
    (void)state;
    fill_body(2048);
    size_t n = append(begin_answer("Content-Length: 2048"), body, 2048);
    assert_answer(answer, n, 200, body, 2048);
}

static size_t append_chunk(size_t at, size_t from, size_t n)
{
    char size[24];

    sprintf(size, "%zx\r\n", n);
    return append_text(append(append_text(at, size), body + from, n), "\r\n");
}

/* One byte more than that, as a server's buffer may cut it. */
static void test_smallest_body_in_chunks(void **state)
{
    (void)state;
    fill_body(2049);
    size_t n = begin_answer("Transfer-Encoding: chunked");
    n = append_chunk(n, 0, 2048);
    n = append_chunk(n, 2048, 1);
    n = append_text(n, "0\r\n\r\n");
    assert_answer(answer, n, 200, body, 2049);
    n = append_chunk(begin_answer("Transfer-Encoding: chunked"), 0, 2049);
    n = append_text(n, "0\r\n\r\n");
    assert_answer(answer, n, 200, body, 2049);
}

static void test_chunks_of_every_size(void **state)
{
    static struct outcome o;
    size_t len = 0, n = begin_answer("Transfer-Encoding: chunked");
    (void)state;
    fill_body(5050);
    for (size_t size = 1; size <= 100; len += size, size++)
        n = append_chunk(n, len, size);
    n = append_text(n, "0\r\n\r\n");
    for (size_t step = 1; step < 300; step++) {
        receive(answer, n, 0, step, &o);
        assert_int_equal(o.step, HTTP_END);
        assert_int_equal(o.len, len);
        assert_memory_equal(o.body, body, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_post_without_room),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_every_character_in_a_line),
        cmocka_unit_test(test_activation_parameters),
        cmocka_unit_test(test_largest_body_without_chunks),
        cmocka_unit_test(test_smallest_body_in_chunks),
        cmocka_unit_test(test_chunks_of_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
