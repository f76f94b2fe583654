/* SPDX-License-Identifier: MIT */
/* Jobs, from the request on the control port to what the host is told. The peer is a HostOS. */
#include "tests/unit/jobs.h"

static void test_done(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    assert_null(ask(VERSION)); /* the same job */
    assert_int_equal(fake_connects, 1);
    answer_on(fake_newest, "{\"Ok\":{\"HostOSVersion\":\"1.2 \\u003c\"}}");
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"done\",\"result\":{\"version\":"
                             "\"1.2 \\u003c\"}}}\n");
    unsigned id = id_of(reply);
    assert_non_null(ask_for(id)); /* it was told */
    assert_non_null(strstr(reply, "no job "));
    assert_null(ask(VERSION)); /* another */
    assert_int_equal(fake_connects, 2);
}

static void test_refused_and_failed(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    answer_on(fake_newest, "{\"Err\":\"no \\\"HSM\\\"\"}");
    assert_job(ask(VERSION),
               "\"request\":\"hostos\",\"state\":\"refused\",\"error\":\"no \\\"HSM\\\"\"}}\n");
    assert_null(ask(VERSION));
    tell(ENDPOINT_RESET, fake_newest);
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"failed\",\"error\":\"hostos: port "
                             "19090 of the host: connection refused\"}}\n");
    fake_connect_error = MOTE_ERR_UNSUPPORTED; /* at once */
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"failed\",\"error\":\"hostos: port "
                             "19090 of the host: there is no way to a host from here\"}}\n");
}

/* As much of a long text as there is room for, up to a character's end. */
static void test_long_error(void **state)
{
    static char text[1100];
    (void)state;
    strcpy(text, "{\"Err\":\"");
    while (strlen(text) < 1000)
        strcat(text, "\xe2\x82\xac\x01");
    strcat(text, "\"}");
    room = 1000;
    assert_null(ask(VERSION));
    for (char *c = text; *c != '\0'; c++)
        *c = (char)(*c == '\1' ? '<' : *c);
    answer_on(fake_newest, text);
    assert_non_null(ask(VERSION));
    assert_non_null(strstr(reply, "\",\"truncated\":true}}\n"));
    assert_in_range(strlen(reply), room - 30, room);
    assert_non_null(strstr(reply, "\xe2\x82\xac\\u003c\xe2\x82\xac\\u003c"));
}

/* Without room for all of a result nothing of it is told, and it may be asked for again. */
static void test_result_without_room(void **state)
{
    static char text[400];
    (void)state;
    memset(text, 'x', 300);
    snprintf(text, sizeof text, "{\"Ok\":{\"HostOSVersion\":\"%0300d\"}}", 1);
    room = 300;
    assert_null(ask(VERSION));
    answer_on(fake_newest, text);
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"done\",\"result\":{},"
                             "\"truncated\":true}}\n");
    room = 500;
    assert_non_null(strstr(ask_for(id_of(reply)), "0001\"}}}\n"));
}

static void test_running(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    int conn = fake_newest;
    fake_now += JOB_ANSWER_NS - 1;
    assert_null(ask(VERSION));
    fake_now++;
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"running\"}}\n");
    unsigned id = id_of(reply);
    assert_job(ask_for(id), "\"request\":\"hostos\",\"state\":\"running\"}}\n");
    answer_on(conn, "{\"Ok\":\"NoPayload\"}");
    assert_job(ask_for(id), "\"request\":\"hostos\",\"state\":\"done\",\"result\":{}}}\n");
    assert_non_null(strstr(ask_for(id), "\"error\":\"no job "));
}

/* The work goes on without those who asked for it. */
static void test_abandoned(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    int conn = fake_newest;
    dispatch_abandon(CONTROL);
    dispatch_abandon(CONTROL);
    assert_int_equal(fake_connections[conn].is, FAKE_OPEN);
    assert_null(ask(VERSION)); /* whoever has that connection now asks for another */
    assert_int_equal(fake_connects, 2);
    answer_on(conn, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    fake_now += JOB_ANSWER_NS;
    unsigned second = id_of(ask(VERSION));
    assert_non_null(strstr(ask_for(second - 1), "\"version\":\"1\""));
}

/* Of two who ask, the one who has waited is told, too. */
static void test_asked_for_while_waited_for(void **state)
{
    (void)state;
    assert_null(ask_on(1, VERSION));
    answer_on(fake_newest, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    uint32_t id = 1;
    while (client_find(id) == NULL)
        id++;
    assert_non_null(strstr(ask_for(id), "\"version\":\"1\""));
    assert_non_null(strstr(ask_on(1, VERSION), "\"version\":\"1\""));
    assert_non_null(strstr(ask_for(id), "\"error\":\"no job "));
}

/* Nobody reads what would be answered. */
static void test_no_room_at_all(void **state)
{
    (void)state;
    room = 0;
    assert_non_null(ask(VERSION));
    answer_on(fake_newest, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    uint32_t id = 1;
    while (client_find(id) == NULL)
        id++;
    ask_for(id);
    room = STEREOS_REPLY_MAX;
    assert_non_null(strstr(ask_for(id), "\"version\":\"1\""));
}

/* As many as there are places; those nobody asks for make room, those that run do not. */
static void test_places(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++)
        assert_null(ask_on(i, VERSION));
    const char *got = ask(VERSION);
    assert_non_null(got);
    assert_non_null(strstr(got, "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"hostos\",\"ok\":"
                                "false,\"error\":\"hostos: "));
    dispatch_abandon(3);
    assert_non_null(strstr(ask(VERSION), "\"ok\":false")); /* it runs */
    answer_on(3, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    assert_null(ask(VERSION));
    for (int i = 0; i < CLIENTS_MAX; i++)
        dispatch_abandon(i);
}

static void test_what_can_not_be_begun(void **state)
{
    static char line[JOB_DATA_MAX + 200];
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {"{\"type\":\"hostos\"}",
         ACK("hostos", "decode hostos payload: envelope hostos has no payload")},
        {HOSTOS("\"command\":\"reb\\u006fot\""), ACK("hostos", "unknown hostos command: reboot")},
        {HOSTOS(""), ACK("hostos", "unknown hostos command: ")},
        {REQUEST("vcom", "\"request\":\"ek2\""), ACK("vcom", "unknown vcom request: ek2")},
        {REQUEST("vcom", "\"request\":\"sign\",\"data\":\"AA=A\""),
         ACK("vcom", "data: illegal base64 data at input byte 2")},
        {REQUEST("vcom", "\"request\":\"sign\",\"cred\":\"A\""),
         ACK("vcom", "cred: illegal base64 data at input byte 0")},
        {REQUEST("vcom", "\"request\":\"sign\",\"index\":\"1\""),
         ACK("vcom", "decode vcom payload: json: cannot unmarshal string into Go struct field "
                     "VcomPayload.index of type uint32")},
        {REQUEST("transfer", "\"request\":\"move\""),
         ACK("transfer", "unknown transfer request: move")},
        {REQUEST("transfer", "\"request\":\"download\",\"path\":\"x\""),
         ACK("transfer", "file must be absolute: \\\"x\\\"")},
        {REQUEST("transfer", "\"request\":\"upload\",\"path\":\"/x\",\"file\":\"y\""),
         ACK("transfer", "file must be absolute: \\\"y\\\"")},
        {REQUEST("transfer", "\"request\":\"upload\""),
         ACK("transfer", "file must be absolute: \\\"\\\"")},
        {REQUEST("transfer", "\"request\":\"download_raw\",\"path\":\"/a/../b\""),
         ACK("transfer", "file must be without \\\"..\\\": \\\"/a/../b\\\"")},
        {REQUEST("transfer", "\"request\":\"upload\",\"path\":\"/a/..\""),
         ACK("transfer", "file must be without \\\"..\\\": \\\"/a/..\\\"")},
        {REQUEST("transfer", "\"request\":\"download\",\"path\":\"/a\",\"file\":\"//etc/./b\""),
         ACK("transfer", "cannot download over system directory: \\\"/etc/b\\\"")},
        {REQUEST("transfer", "\"request\":\"download\",\"path\":\"/\""),
         ACK("transfer", "cannot download over system directory: \\\"/\\\"")},
        {"{\"type\":\"job\"}", ACK("job", "decode job payload: envelope job has no payload")},
        {REQUEST("job", ""), ACK("job", "no job 0")},
        {REQUEST("job", "\"id\":4294967295"), ACK("job", "no job 4294967295")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(ask(rows[i].line), rows[i].answer);
    assert_int_equal(fake_connects, 0);
    snprintf(line, sizeof line,
             HOSTOS("\"command\":\"notify\",\"message\":\"%0*d\",\"url\":\"12\""), JOB_DATA_MAX - 1,
             0);
    assert_string_equal(ask(line), ACK("hostos", "url too long: limit is 2048 bytes for all "
                                                 "strings"));
}

/* What the host writes, as JSON may spell it, is what the peer gets. */
static void test_payload_is_decoded(void **state)
{
    (void)state;
    assert_null(ask(HOSTOS("\"command\":\"notify\",\"message\":\"\\u00e4<\\n\",\"count\":3,"
                           "\"port\":7")));
    assert_int_equal(fake_connections[fake_newest].port, 7);
    tell(ENDPOINT_CONNECTED, fake_newest);
    static const char request[] = "{\"sender_cid\":3,\"message\":{\"notify\":{\"count\":3,"
                                  "\"message\":\"\xc3\xa4<\\n\"}}}";
    assert_int_equal(fake_connections[fake_newest].sent_len, strlen(request));
    assert_memory_equal(fake_connections[fake_newest].sent, request, strlen(request));
    dispatch_abandon(CONTROL);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_done),
        TEST(test_refused_and_failed),
        TEST(test_long_error),
        TEST(test_result_without_room),
        TEST(test_running),
        TEST(test_abandoned),
        TEST(test_asked_for_while_waited_for),
        TEST(test_no_room_at_all),
        TEST(test_places),
        TEST(test_what_can_not_be_begun),
        TEST(test_payload_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
