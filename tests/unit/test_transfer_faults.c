/* SPDX-License-Identifier: MIT */
/* Transfers that a Bandsox host refuses or breaks, or that can not be here. */
#include "tests/unit/transfers.h"

static void test_upload_that_shrinks(void **state)
{
    (void)state;
    struct client *c = begin(TRANSFER_UPLOAD);
    fake_file_make("/x", "hel", 3);
    say(c, READY);
    expect_failed(c, "bandsox: the file has become shorter: expected 5, got 3");
    assert_int_equal(host[0].aborts, 1); /* no pretence of an orderly end */
    fake_file_make("/x", "hello", 5);
    c = begin(TRANSFER_UPLOAD);
    fake_file_stuck = true;
    say(c, READY);
    expect_failed(c, "bandsox: step /x: the reason");
}

static void test_refusals(void **state)
{
    (void)state;
    for (enum transfer_kind kind = TRANSFER_PING; kind <= TRANSFER_DOWNLOAD_RAW; kind++) {
        struct client *c = begin(kind);
        say(c, REFUSAL);
        expect_error(c, CLIENT_REFUSED, "File not found: /x");
    }
    /* in the middle, and behind everything */
    fake_file_make("/x", big, 5000);
    struct client *c = begin(TRANSFER_UPLOAD);
    host[0].room = 3000;
    say(c, READY);
    say(c, "{\"type\": \"error\", \"cmd_id\": \"unknown\", \"error\": \"Upload timed out\"}\n");
    expect_error(c, CLIENT_REFUSED, "Upload timed out");
    fake_file_make("/x", "hello", 5);
    c = begin(TRANSFER_UPLOAD);
    say(c, READY);
    say(c, "{\"type\": \"error\", \"error\": \"caf\\u00e9\"}\n");
    expect_error(c, CLIENT_REFUSED, "caf\xc3\xa9");
    c = begin(TRANSFER_DOWNLOAD);
    say(c, CHUNK REFUSAL);
    expect_error(c, CLIENT_REFUSED, "File not found: /x");
    assert_int_equal(host[0].aborts, 0);
    expect_file("/x", "hello", 5);
}

/* As much as there is memory for. */
static void test_long_refusal(void **state)
{
    static char text[65536 + 64];
    (void)state;
    struct client *c = begin(TRANSFER_DOWNLOAD);
    int n = sprintf(text, "{\"type\": \"error\", \"cmd_id\": \"ID\", \"error\": \"");
    memset(text + n, 'x', 65536);
    strcpy(text + n + 65536, "\"}\n");
    say(c, text);
    assert_int_equal(c->status, CLIENT_REFUSED);
    assert_in_range(c->error_len, CLIENT_DATA_MAX - 512, CLIENT_DATA_MAX);
    for (size_t i = 0; i < c->error_len; i++)
        assert_int_equal(c->error[i], 'x');
}

static void test_bad_raw(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {RAW("5", "") "hell", "bandsox: short download: expected 5, got 4"},
        {RAW("5", ""), "bandsox: short download: expected 5, got 0"},
        {RAW("5", "") "hello!", "bandsox: long download: expected 5, got 6"},
        {RAW("0", "") "!", "bandsox: long download: expected 0, got 1"},
        {RAW("5", HELLO) "hallo",
         "bandsox: Checksum mismatch: expected " HELLO ", got 598d4c200461b81522a3328565c25f7c"},
        {RAW("5", "0123456789abcdef0123456789abcdef0"), "bandsox: a checksum that is no md5"},
        {READY, "bandsox: a download without a size"},
        {"{\"type\":\"re", "bandsox: connection closed, 0 bytes into the download_raw"},
        {"", "bandsox: connection closed, 0 bytes into the download_raw"},
        {CHUNK, "bandsox: unexpected data"},
        {ALL, "bandsox: unexpected answer complete"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client *c = begin(TRANSFER_DOWNLOAD_RAW);
        say(c, cases[i].text);
        if (c->status == CLIENT_RUNNING)
            tell(c, ENDPOINT_CLOSED, 0);
        expect_failed(c, cases[i].why);
        assert_int_equal(host[0].aborts, 1);
        expect_file("/x", "hello", 5);
        all[0] = (client_free(c), NULL);
        host[0].aborts = 0;
    }
    struct client *c = begin(TRANSFER_DOWNLOAD_RAW);
    say(c, RAW("5", "") "hel");
    tell(c, ENDPOINT_RESET, MOTE_ERR_RESET);
    expect_failed(c, "bandsox: connection reset, short download: expected 5, got 3");
}

static void test_bad_downloads(void **state)
{
#define CHUNK_OF(data, offset, size)                                                               \
    "{\"type\":\"chunk\",\"data\":\"" data "\",\"offset\":" offset ",\"size\":" size "}\n"
    static const struct {
        const char *text, *why;
    } cases[] = {
        {CHUNK_OF("aGVsbG8=", "1", "5"), "bandsox: a chunk's offset: expected 0, got 1"},
        {CHUNK CHUNK, "bandsox: a chunk's offset: expected 5, got 0"},
        {CHUNK_OF("aGVsbG8=", "0", "6"), "bandsox: short chunk: expected 6, got 5"},
        {CHUNK_OF("aGVsbG8", "0", "6"), "bandsox: short chunk: expected 6, got 5"},
        {CHUNK_OF("aGVsbG8", "null", "5"), "bandsox: a chunk without data, offset or size"},
        {CHUNK_OF("aGVsbG8", "0", "null"), "bandsox: a chunk without data, offset or size"},
        {"{\"type\":\"chunk\",\"offset\":0,\"size\":0}\n",
         "bandsox: a chunk without data, offset or size"},
        {CHUNK_OF("aGVsb", "0", "3"), "bandsox: illegal base64 data at input byte 4"},
        {CHUNK_OF("aG!sbG8=", "0", "5"), "bandsox: illegal base64 data at input byte 2"},
        {CHUNK_OF("aG\\u0030bG8=", "0", "5"),
         "bandsox: an answer has something else than base64 in its data"},
        {CHUNK "{\"type\":\"complete\",\"size\":6}\n",
         "bandsox: short download: expected 6, got 5"},
        {CHUNK "{\"type\":\"complete\"}\n", "bandsox: short download: expected 0, got 5"},
        {"{\"type\":\"complete\",\"data\":\"aGVsbG8=\",\"size\":5}\n",
         "bandsox: short download: expected 5, got 5"},
        {CHUNK "{\"type\":\"complete\",\"size\":5,\"checksum\":\"" EMPTY "\"}\n",
         "bandsox: Checksum mismatch: expected " EMPTY ", got " HELLO},
        {CHUNK "{\"type\":\"complete\",\"size\":5,\"checksum\":\"" HELLO "0\"}\n",
         "bandsox: a checksum that is no md5"},
        {CHUNK, "bandsox: connection closed, 5 bytes into the download"},
        {"{\"type\":\"chunk\",\"data\":\"aGVs", "bandsox: connection closed, 3 bytes into the "
                                                "download"},
        {READY, "bandsox: unexpected answer ready"},
        {"{\"type\":\"complete\",\"cmd_id\":\"IDs\",\"size\":0}\n",
         "bandsox: an answer with another cmd_id"},
        {"garbage\n", "bandsox: invalid character 'g' looking for beginning of value"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client *c = begin(TRANSFER_DOWNLOAD);
        say(c, cases[i].text);
        if (c->status == CLIENT_RUNNING)
            tell(c, ENDPOINT_CLOSED, 0);
        expect_failed(c, cases[i].why);
        expect_file("/x", "hello", 5);
        all[0] = (client_free(c), NULL);
        assert_int_equal(fake_file_opens, 0);
    }
}

static void test_bad_uploads(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {COMPLETE, "bandsox: unexpected answer complete"},
        {READY READY, "bandsox: unexpected answer ready"},
        {READY COMPLETE, "bandsox: unexpected answer complete"}, /* before anything was sent */
        {READY "{\"type\":\"pong\"}\n", "bandsox: unexpected answer pong"},
        {"{\"type\":\"ready\",\"cmd_id\":\"ping\"}\n", "bandsox: an answer with another cmd_id"},
        {"", "bandsox: connection closed, 0 bytes into the upload"},
        {READY, "bandsox: connection closed, 5 bytes into the upload"},
        {"{\"data\":\"aGk=\"", "bandsox: unexpected data"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client *c = begin(TRANSFER_UPLOAD);
        say(c, cases[i].text);
        if (c->status == CLIENT_RUNNING)
            tell(c, ENDPOINT_CLOSED, 0);
        expect_failed(c, cases[i].why);
        all[0] = (client_free(c), NULL);
    }
    struct client *c = begin(TRANSFER_UPLOAD);
    say(c, READY);
    say(c, "{\"type\":\"complete\",\"size\":4}\n");
    expect_failed(c, "bandsox: the host has another size: expected 5, got 4");
}

static void test_lost_connections(void **state)
{
    (void)state;
    for (enum transfer_kind kind = TRANSFER_PING; kind <= TRANSFER_DOWNLOAD_RAW; kind++) {
        struct client *c = begin(kind);
        tell(c, ENDPOINT_RESET, MOTE_ERR_RESET);
        expect_failed(c, "bandsox: port 9000 of the host: connection reset");
    }
    /* a registration serves once: nothing but a ping is asked again */
    struct client *c = begin(TRANSFER_DOWNLOAD);
    say(c, CHUNK);
    client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1});
    tell(c, ENDPOINT_RESET, MOTE_ERR_RESET);
    expect_failed(c, "bandsox: port 9000 of the host: connection reset");
    expect_file("/x", "hello", 5);
}

/* It is no deadline for the whole: as long as something moves. */
static void test_patience(void **state)
{
    (void)state;
    fake_file_make("/x", big, 10000);
    struct client *c = begin(TRANSFER_UPLOAD);
    host[0].room = 0;
    fake_now += 299 * S;
    say(c, READY);
    for (int i = 0; i < 4; i++) {
        assert_true(client_deadline() == fake_now + 300 * S);
        fake_now += 299 * S;
        client_tick(fake_now);
        assert_int_equal(c->status, CLIENT_RUNNING);
        host[0].room = 2048;
        tell(c, ENDPOINT_ROOM, 0);
    }
    tell(c, ENDPOINT_ROOM, 0); /* nothing moves */
    fake_now += 300 * S;
    client_tick(fake_now);
    expect_failed(c, "bandsox: port 9000 of the host: no answer");
    assert_int_equal(fake_file_opens, 0);
}

static void test_what_can_not_be_written(void **state)
{
    (void)state;
    fake_file_room = 3;
    struct client *c = begin(TRANSFER_DOWNLOAD_RAW);
    say(c, RAW("5", "") "hello");
    expect_failed(c, "bandsox: step /x: the reason");
    c = begin(TRANSFER_DOWNLOAD);
    say(c, CHUNK);
    expect_failed(c, "bandsox: step /x: the reason");
    fake_file_room = 0; /* not even to begin */
    c = begin(TRANSFER_DOWNLOAD_RAW);
    say(c, RAW("5", ""));
    expect_failed(c, "bandsox: step /x: the reason");
    c = begin(TRANSFER_DOWNLOAD);
    say(c, CHUNK);
    expect_failed(c, "bandsox: step /x: the reason");
    fake_file_room = SIZE_MAX;
    fake_file_stuck = true;
    c = begin(TRANSFER_DOWNLOAD);
    say(c, CHUNK ALL);
    expect_failed(c, "bandsox: step /x: the reason");
    assert_int_equal(fake_file_opens, 0);
}

static void test_what_can_not_begin(void **state)
{
    static char name[TRANSFER_PATH_MAX + 1];
    struct bytes x = bytes_of("/x"), id = bytes_of("ID");
    (void)state;
    memset(name, 'n', sizeof name);
    struct transfer_request r = {.kind = (enum transfer_kind)0, .path = x, .cmd_id = id};
    assert_string_equal(begin_error(&r), "bandsox: no such transfer");
    r.kind = (enum transfer_kind)(TRANSFER_DOWNLOAD_RAW + 1);
    assert_string_equal(begin_error(&r), "bandsox: no such transfer");
    r.kind = TRANSFER_UPLOAD;
    r.path = bytes_of("");
    assert_string_equal(begin_error(&r), "bandsox: there is no path");
    r.path = (struct bytes){name, sizeof name};
    assert_string_equal(begin_error(&r), "bandsox: the path is too long");
    r.path = x;
    r.file = (struct bytes){name, sizeof name - 1};
    assert_int_equal(strncmp(begin_error(&r), "bandsox: open nnn", 17), 0);
    r.file = (struct bytes){big, FILE_PATH_MAX + 1};
    assert_string_equal(begin_error(&r), "bandsox: the path is too long");
    r.file = (struct bytes){big, FILE_PATH_MAX};
    r.path = (struct bytes){name, sizeof name - 1};
    assert_string_equal(begin_error(&r), "bandsox: the path is too long");
    r.path = x;
    r.file = (struct bytes){0};
    r.cmd_id = (struct bytes){name, TRANSFER_ID_MAX + 1};
    assert_string_equal(begin_error(&r), "bandsox: the cmd_id is too long");
    r.cmd_id = (struct bytes){0};
    assert_string_equal(begin_error(&r), "bandsox: there is no cmd_id");
    r.cmd_id = id;
    r.path = bytes_of("/none");
    assert_string_equal(begin_error(&r), "bandsox: open /none: the reason");
    assert_int_equal(host_connects, 0);
    r.path = x;
    host_connect_result = MOTE_ERR_UNSUPPORTED;
    struct client *c = begin_as(&r);
    expect_failed(c, "bandsox: port 9000 of the host: there is no way to a host from here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_upload_that_shrinks),
        TEST(test_refusals),
        TEST(test_long_refusal),
        TEST(test_bad_raw),
        TEST(test_bad_downloads),
        TEST(test_bad_uploads),
        TEST(test_lost_connections),
        TEST(test_patience),
        TEST(test_what_can_not_be_written),
        TEST(test_what_can_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
