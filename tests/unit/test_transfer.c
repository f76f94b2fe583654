/* SPDX-License-Identifier: MIT */
/* Transfers with a Bandsox host, from and to files of memory. */
#include "tests/unit/transfers.h"

#include <bearssl.h>

static void test_kinds(void **state)
{
    static const char *const names[] = {"ping", "upload", "download", "download_raw"};
    enum transfer_kind kind;
    (void)state;
    for (unsigned i = 0; i < COUNT(names); i++) {
        assert_true(transfer_kind_of(bytes_of(names[i]), &kind));
        assert_int_equal(kind, TRANSFER_PING + i);
    }
    assert_false(transfer_kind_of(bytes_of("downloads"), &kind));
    assert_false(transfer_kind_of(bytes_of(""), &kind));
}

static void test_ping(void **state)
{
    (void)state;
    struct client *c = begin(TRANSFER_PING);
    expect_heard(&host[0], "{\"type\":\"ping\",\"cmd_id\":\"ID\"}\n");
    say(c, "{\"type\": \"pong\", \"cmd_id\": \"ID\"}\n");
    expect_done(c, "");
    assert_int_equal(host[0].closes, 1);
    c = begin_as(&(struct transfer_request){.kind = TRANSFER_PING, .port = 9001});
    assert_int_equal(host[0].port, 9001);
    tell(c, ENDPOINT_CONNECTED, 0);
    expect_heard(&host[0], "{\"type\":\"ping\"}\n");
    /* moved to another host while it waits, with half of an answer: it is asked once more */
    say(c, "{\"type\":");
    client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1});
    tell(c, ENDPOINT_RESET, MOTE_ERR_RESET);
    assert_int_equal(host_connects, 3);
    tell(c, ENDPOINT_CONNECTED, 0);
    expect_heard(&host[0], "{\"type\":\"ping\"}\n");
    say(c, "{\"type\": \"pong\", \"cmd_id\": \"ping\"}\n");
    expect_done(c, "");
}

static void test_upload(void **state)
{
    (void)state;
    struct client *c = begin(TRANSFER_UPLOAD);
    assert_true(transfer_size(c) == 5);
    expect_heard(&host[0], "{\"type\":\"upload\",\"path\":\"/x\",\"size\":5,\"checksum\":\"\","
                           "\"cmd_id\":\"ID\"}\n");
    host[0].heard_len = 0;
    fake_file_make("/x", "hello and more", 14); /* as it grows: what was announced leaves */
    for (const char *s = READY; *s != '\0'; s++)
        say_bytes(c, s, 1);
    expect_heard(&host[0], "hello");
    assert_true(transfer_moved(c) == 5);
    say(c, COMPLETE);
    expect_done(c, "\"size\":5");
    assert_int_equal(host[0].closes, 1);
}

/* `ready` and `complete` come at once, and nothing may be sent. */
static void test_empty_upload(void **state)
{
    (void)state;
    fake_file_make("/x", "", 0);
    struct client *c = begin(TRANSFER_UPLOAD);
    host[0].heard_len = 0;
    say(c, READY "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 0}\n");
    assert_int_equal(host[0].heard_len, 0);
    expect_done(c, "\"size\":0");
}

/* The md5 is sent ahead, and neither it nor a host that reads all holds up the loop. */
static void test_large_upload(void **state)
{
    br_md5_context md5;
    unsigned char sum[16];
    char line[256];
    (void)state;
    br_md5_init(&md5);
    br_md5_update(&md5, big, 300000);
    br_md5_out(&md5, sum);
    int n = sprintf(line, "{\"type\":\"upload\",\"path\":\"/y\",\"size\":300000,\"checksum\":\"");
    for (int i = 0; i < 16; i++)
        n += sprintf(line + n, "%02x", sum[i]);
    sprintf(line + n, "\",\"cmd_id\":\"ID\"}\n");
    fake_file_make("/x", big, 300000);
    struct client *c = begin_as(&(struct transfer_request){.kind = TRANSFER_UPLOAD,
                                                           .path = bytes_of("/y"),
                                                           .file = bytes_of("/x"),
                                                           .cmd_id = bytes_of("ID"),
                                                           .checksum = true});
    tell(c, ENDPOINT_CONNECTED, 0);
    assert_int_equal(host[0].heard_len, 0);
    assert_int_equal(turns(), 2);
    expect_heard(&host[0], line);
    host[0].heard_len = 0;
    say(c, READY);
    assert_int_equal(host[0].heard_len, 131072 - strlen(READY));
    assert_int_equal(turns(), 2);
    assert_int_equal(host[0].heard_len, 300000);
    assert_memory_equal(host[0].heard, big, 300000);
    say(c, "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 300000}\n");
    assert_int_equal(c->status, CLIENT_DONE);
}

/* A host that reads slowly, or has a full buffer when it is asked. */
static void test_upload_without_room(void **state)
{
    (void)state;
    fake_file_make("/x", big, 5000);
    struct client *c = begin_as(&(struct transfer_request){
        .kind = TRANSFER_UPLOAD, .path = bytes_of("/x"), .cmd_id = bytes_of("ID")});
    host[0].room = 0;
    tell(c, ENDPOINT_CONNECTED, 0);
    assert_int_equal(host[0].heard_len, 0);
    host[0].room = ENDPOINT_SEND_BUFFER;
    tell(c, ENDPOINT_ROOM, 0);
    host[0].heard_len = host[0].room = 0;
    say(c, READY);
    for (size_t sent = 0; sent < 5000; sent = host[0].heard_len) {
        assert_int_equal(c->status, CLIENT_RUNNING);
        host[0].room = ENDPOINT_SEND_BUFFER / 2;
        tell(c, ENDPOINT_ROOM, 0);
        assert_int_equal(host[0].heard_len,
                         sent + 2048 < 5000 ? sent + 2048 : 5000); /* no small pieces */
    }
    assert_memory_equal(host[0].heard, big, 5000);
    say(c, "{\"type\": \"complete\"}\n");
    expect_done(c, "\"size\":5000");
}

static void test_download(void **state)
{
    static const char text[] = CHUNK ALL;
    (void)state;
    for (size_t step = 1; step < 60; step++) {
        fake_file_make("/x", "old", 3);
        struct client *c = begin(TRANSFER_DOWNLOAD);
        expect_heard(&host[0], "{\"type\":\"download\",\"path\":\"/x\",\"cmd_id\":\"ID\"}\n");
        for (size_t at = 0; at < sizeof text - 1; at += step) {
            expect_file("/x", "old", 3); /* before everything is there, nothing has changed */
            say_bytes(c, text + at, step < sizeof text - 1 - at ? step : sizeof text - 1 - at);
        }
        expect_done(c, "\"size\":5,\"checksum\":\"" HELLO "\"");
        expect_file("/x", "hello", 5);
        assert_int_equal(fake_file_mode, 0644);
        assert_int_equal(fake_file_how, FILE_REPLACE);
        all[0] = (client_free(c), NULL);
    }
}

static size_t put_base64(char *dst, const char *src, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = 0;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (i + k < n ? (uint8_t)src[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            dst[len++] = i + k > n ? '=' : digits[v >> (18 - 6 * k) & 63];
    }
    return len;
}

/* Chunks of 64 KiB that no window holds; and a window that holds all of them. */
static void test_large_download(void **state)
{
    static char text[300000];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 3; i++) {
        size_t size = i < 2 ? 65536 : 18928;
        n += (size_t)sprintf(text + n, "{\"type\": \"chunk\", \"cmd_id\": \"ID\", \"data\": \"");
        n += put_base64(text + n, big + 65536 * i, size);
        n += (size_t)sprintf(text + n, "\", \"offset\": %d, \"size\": %zu}\n", 65536 * i, size);
    }
    n += (size_t)sprintf(text + n,
                         "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 150000}\n");
    for (size_t step = 4096; step < 9 * 65536; step *= 3) {
        struct client *c = begin(TRANSFER_DOWNLOAD);
        for (size_t at = 0; at < n; at += step) {
            say_bytes(c, text + at, step < n - at ? step : n - at);
            assert_true(step < n || host[0].said_len == n - 131072);
            assert_int_equal(turns(), step < n ? 0 : 1);
        }
        assert_int_equal(c->status, CLIENT_DONE);
        expect_file("/x", big, 150000);
        all[0] = (client_free(c), NULL);
    }
}

static void test_empty_download(void **state)
{
    (void)state;
    struct client *c = begin(TRANSFER_DOWNLOAD);
    say(c,
        "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 0, \"checksum\": \"" EMPTY "\"}\n");
    expect_done(c, "\"size\":0,\"checksum\":\"" EMPTY "\"");
    expect_file("/x", "", 0);
    c = begin(TRANSFER_DOWNLOAD_RAW);
    say(c, RAW("0", ""));
    assert_int_equal(c->status, CLIENT_RUNNING);
    tell(c, ENDPOINT_CLOSED, 0);
    expect_done(c, "\"size\":0");
}

static void test_raw(void **state)
{
    static const char text[] = RAW("5", HELLO) "hello";
    (void)state;
    for (size_t step = 1; step < 100; step++) {
        fake_file_make("/x", "old", 3);
        struct client *c = begin_as(&(struct transfer_request){.kind = TRANSFER_DOWNLOAD_RAW,
                                                               .path = bytes_of("/there"),
                                                               .file = bytes_of("/x"),
                                                               .cmd_id = bytes_of("ID"),
                                                               .mode = 0600});
        tell(c, ENDPOINT_CONNECTED, 0);
        expect_heard(&host[0],
                     "{\"type\":\"download_raw\",\"path\":\"/there\",\"cmd_id\":\"ID\"}\n");
        for (size_t at = 0; at < sizeof text - 1; at += step)
            say_bytes(c, text + at, step < sizeof text - 1 - at ? step : sizeof text - 1 - at);
        expect_file("/x", "old", 3);
        tell(c, ENDPOINT_CLOSED, 0);
        expect_done(c, "\"size\":5,\"checksum\":\"" HELLO "\"");
        expect_file("/x", "hello", 5);
        assert_int_equal(fake_file_mode, 0600);
        all[0] = (client_free(c), NULL);
    }
}

/* Behind the last byte the end may be a reset, or nothing for a while. */
static void test_ends_of_raw(void **state)
{
    (void)state;
    struct client *c = begin(TRANSFER_DOWNLOAD_RAW);
    say(c, RAW("5", "") "world");
    tell(c, ENDPOINT_RESET, MOTE_ERR_RESET);
    expect_done(c, "\"size\":5");
    expect_file("/x", "world", 5);
    c = begin(TRANSFER_DOWNLOAD_RAW);
    say(c, RAW("5", "") "again");
    assert_true(client_deadline() == fake_now + 5 * S);
    fake_now += 5 * S;
    client_tick(fake_now);
    expect_done(c, "\"size\":5");
    expect_file("/x", "again", 5);
}

/* As Bandsox's own agent writes: in place, and what came before a loss stays. */
static void test_in_place(void **state)
{
    (void)state;
    for (enum file_how how = FILE_TRUNCATE; how <= FILE_APPEND; how++) {
        struct client *c = begin_as(&(struct transfer_request){.kind = TRANSFER_DOWNLOAD_RAW,
                                                               .path = bytes_of("/x"),
                                                               .cmd_id = bytes_of("ID"),
                                                               .how = how});
        tell(c, ENDPOINT_CONNECTED, 0);
        expect_file("/x", "hello", 5); /* the host has not agreed yet */
        say(c, RAW("5", "") " all");
        tell(c, ENDPOINT_CLOSED, 0);
        assert_int_equal(c->status, CLIENT_FAILED);
        expect_file("/x", how == FILE_APPEND ? "hello all" : " all", how == FILE_APPEND ? 9 : 4);
        fake_file_make("/x", "hello", 5);
    }
}

/* Eight take turns byte by byte, and none gets what is another's. */
static void test_eight_at_once(void **state)
{
    char text[CLIENTS_MAX][256], name[16];
    bool any = true;
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        enum transfer_kind kind = i % 2 == 0 ? TRANSFER_DOWNLOAD : TRANSFER_DOWNLOAD_RAW;
        sprintf(name, "/%d", i);
        begin_as(&(struct transfer_request){
            .kind = kind, .path = bytes_of(name), .cmd_id = bytes_of(name + 1)});
        tell(all[i], ENDPOINT_CONNECTED, 0);
        if (i % 2 == 0)
            sprintf(text[i],
                    "{\"type\":\"chunk\",\"cmd_id\":\"%d\",\"data\":\"%cGVsbG8=\",\"offset\":0,"
                    "\"size\":5}\n{\"type\":\"complete\",\"size\":5}\n",
                    i, 'a' + i);
        else
            sprintf(text[i], "{\"type\":\"ready\",\"cmd_id\":\"%d\",\"size\":5}\n%dello", i, i);
    }
    assert_string_equal(begin_error(&(struct transfer_request){.kind = TRANSFER_PING}),
                        "bandsox: too many exchanges at once");
    for (size_t at = 0; any; at++) {
        any = false;
        for (int i = 0; i < CLIENTS_MAX; i++)
            if (at < strlen(text[i])) {
                any = true;
                say_bytes(all[i], text[i] + at, 1);
            }
    }
    for (int i = 0; i < CLIENTS_MAX; i++) {
        char wanted[8] = "hello";
        if (i % 2 == 1)
            tell(all[i], ENDPOINT_CLOSED, 0);
        assert_int_equal(all[i]->status, CLIENT_DONE);
        wanted[0] = (char)(i % 2 == 1 ? '0' + i : 'h' + i * 4);
        sprintf(name, "/%d", i);
        expect_file(name, wanted, 5);
    }
}

/* What code that is linked with the agent moves. */
static struct {
    char bytes[16];
    size_t len;
    bool fails;
    int commits, closes;
} mine;

static long read_mine(void *arg, uint64_t offset, void *buf, size_t n)
{
    assert_ptr_equal(arg, &mine);
    if (mine.fails)
        return MOTE_ERR_IO;
    n = n < 3 ? n : 3;
    memcpy(buf, mine.bytes + offset, n);
    return (long)n;
}

static int write_mine(void *arg, uint64_t offset, const void *buf, size_t n)
{
    assert_ptr_equal(arg, &mine);
    assert_true(offset == mine.len);
    memcpy(mine.bytes + mine.len, buf, n);
    mine.len += n;
    return mine.fails ? MOTE_ERR_IO : MOTE_OK;
}

static int commit_mine(void *arg)
{
    (void)arg;
    mine.commits++;
    return mine.fails ? MOTE_ERR_IO : MOTE_OK;
}

static void close_mine(void *arg)
{
    (void)arg;
    mine.closes++;
}

static const char *fault_mine(void *arg)
{
    (void)arg;
    return "so it is";
}

static const struct transfer_ends my_ends = {read_mine, write_mine, commit_mine, close_mine,
                                             fault_mine};

static void test_ends_of_linked_code(void **state)
{
    struct transfer_request r = {.kind = TRANSFER_UPLOAD,
                                 .path = bytes_of("/mine"),
                                 .cmd_id = bytes_of("ID"),
                                 .ends = &my_ends,
                                 .arg = &mine,
                                 .size = 5,
                                 .checksum = true};
    (void)state;
    strcpy(mine.bytes, "hello and more");
    struct client *c = begin_as(&r);
    tell(c, ENDPOINT_CONNECTED, 0);
    expect_heard(&host[0], "{\"type\":\"upload\",\"path\":\"/mine\",\"size\":5,\"checksum\":"
                           "\"" HELLO "\",\"cmd_id\":\"ID\"}\n");
    host[0].heard_len = 0;
    say(c, READY);
    expect_heard(&host[0], "hello");
    say(c, COMPLETE);
    expect_done(c, "\"size\":5,\"checksum\":\"" HELLO "\"");
    assert_int_equal(mine.closes, 1);
    mine.fails = true;
    c = begin_as(&r);
    tell(c, ENDPOINT_CONNECTED, 0);
    expect_failed(c, "bandsox: read /mine: so it is");
    r.kind = TRANSFER_DOWNLOAD;
    c = begin_as(&r);
    tell(c, ENDPOINT_CONNECTED, 0);
    say(c, CHUNK);
    expect_failed(c, "bandsox: write /mine: so it is");
    mine.fails = false;
    mine.len = 0;
    c = begin_as(&r);
    tell(c, ENDPOINT_CONNECTED, 0);
    say(c, CHUNK ALL);
    expect_done(c, "\"size\":5,\"checksum\":\"" HELLO "\"");
    assert_memory_equal(mine.bytes, "hello", 5);
    assert_int_equal(mine.commits, 1);
    assert_int_equal(mine.closes, 4);
    all[4] = (begin_as(&r), client_free(all[4]), NULL); /* given up before it is connected */
    assert_int_equal(mine.closes, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kinds),          TEST(test_ping),
        TEST(test_upload),         TEST(test_empty_upload),
        TEST(test_large_upload),   TEST(test_upload_without_room),
        TEST(test_download),       TEST(test_large_download),
        TEST(test_empty_download), TEST(test_raw),
        TEST(test_ends_of_raw),    TEST(test_in_place),
        TEST(test_eight_at_once),  TEST(test_ends_of_linked_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
