/* SPDX-License-Identifier: MIT */
/* Exchanges with a HostOS that may be of v0: it is asked first what it speaks. */
#include "tests/unit/hosting.h"

static void test_legacy_host_of_v1(void **state)
{
    (void)state;
    notify(true);
    up();
    assert_string_equal(sent, PROBE);
    say(V1, strlen(V1), 1);
    tell(ENDPOINT_CLOSED, 0);
    assert_int_equal(connects, 2);
    assert_int_equal(c->status, CLIENT_RUNNING);
    up();
    assert_string_equal(sent, HELLO);
    assert_int_equal(shutdowns, 2);
    answer(OK);
    assert_done("", "");
    command(HOSTOS_GET_PROTOCOL, true);
    up();
    answer(V1);
    assert_int_equal(connects, 1);
    assert_done("1.0.0", "\"major\":1,\"minor\":0,\"patch\":0");
    notify(true);
    up();
    answer(V1);
    up();
    answer("what?");
    assert_end(CLIENT_FAILED, "hostos: Unable to parse host_v1 response: what?");
}

static void test_legacy_host_of_v0(void **state)
{
    (void)state;
    notify(true);
    up();
    say(V0, strlen(V0), SIZE_MAX);
    tell(ENDPOINT_RESET, MOTE_ERR_RESET); /* whole all the same */
    assert_int_equal(connects, 2);
    up();
    assert_string_equal(sent, "{\"message\":\"notify[2, hello]\",\"sender_cid\":\"3\"}");
    assert_int_equal(shutdowns, 2);
    answer(V0);
    assert_int_equal(c->status, CLIENT_DONE);
    client_free(c);
    notify(true);
    up();
    answer(V0);
    up();
    answer("{\"message\": \"invalid request\", \"status\": \"error\"}");
    assert_end(CLIENT_REFUSED, "{\"message\": \"invalid request\", \"status\": \"error\"}");
}

static void test_what_v0_can_not_say(void **state)
{
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    char members[96];
    (void)state;
    assert_int_equal(strlen(zeros), 64);
    snprintf(members, sizeof members, "\"version\":\"%s\"", zeros);
    command(HOSTOS_GET_VERSION, true);
    up();
    answer(V0);
    assert_int_equal(connects, 1);
    assert_done(zeros, members);
    command(HOSTOS_GET_PROTOCOL, true);
    up();
    answer(V0);
    assert_end(CLIENT_FAILED, "hostos: Cannot process GetVsockProtocol command for v0");
    command(HOSTOS_START_UPGRADE_VM, true);
    up();
    answer(V0);
    assert_end(CLIENT_FAILED, "hostos: Cannot process start-upgrade-guest-vm command for v0");
}

static void test_probe(void **state)
{
    static const struct {
        const char *answer;
        enum client_status status;
        const char *error;
    } rows[] = {
        {"{\"Ok\":{\"HostOSVsockVersion\":{\"major\":2,\"minor\":1,\"patch\":7}}}", CLIENT_FAILED,
         "hostos: Unnacceptable hostOS vsock version: 2.1.7"},
        {OK, CLIENT_FAILED, "hostos: Logical error. Received payload: NoPayload"},
        {"{\"Ok\":{\"HostOSVersion\":\"1\"}}", CLIENT_FAILED,
         "hostos: Logical error. Received payload: HostOSVersion"},
        {"what?", CLIENT_FAILED, "hostos: Could not parse response: what?"},
        {"{\"Err\":\"no \\\"such\\\"\"}", CLIENT_REFUSED, "no \"such\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        notify(true);
        up();
        answer(rows[i].answer);
        assert_int_equal(connects, 1);
        assert_end(rows[i].status, rows[i].error);
    }
    notify(true);
    up();
    answer("{\"Ok\":{\"HostOSVsockVersion\":{\"major\":0,\"minor\":1,\"patch\":7}}}");
    up();
    assert_string_equal(sent, "{\"message\":\"notify[2, hello]\",\"sender_cid\":\"3\"}");
    answer(V0);
    assert_int_equal(c->status, CLIENT_DONE);
    client_free(c);
}

/* v0 answers an upgrade when it is over, if ever: after 5 s it is under way. */
static void test_legacy_upgrade(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin((struct hostos_request){
            .command = HOSTOS_UPGRADE, .url = BYTES("u"), .hash = BYTES("h"), .legacy = true});
        up();
        answer(V0);
        if (i == 1) { /* time that passes before it is sent is no success */
            tell(ENDPOINT_RESET, MOTE_ERR_TIMEOUT);
            assert_end(CLIENT_FAILED, "hostos: port 19090 of the host: no answer");
            return;
        }
        up();
        assert_string_equal(sent, "{\"message\":\"upgrade[u h]\",\"sender_cid\":\"3\"}");
        assert_true(client_deadline() == fake_now + 5 * S);
        fake_now += 5 * S;
        client_tick(fake_now);
        assert_int_equal(c->status, CLIENT_DONE);
        client_free(c);
    }
}

/* Behind the longest request there is room for a protocol's version. */
static void test_longest_request(void **state)
{
    static const char v0[] = "\"notify[1, ]\"";
    static char text[HOSTOS_REQUEST_MAX], no[CLIENT_DATA_MAX];
    size_t forms = strlen(HELLO) - strlen("hello") - strlen(PROBE) +
                   strlen("\"GetVsockProtocol\"") + strlen(v0);
    struct hostos_request r = {.command = HOSTOS_NOTIFY,
                               .message = {text, (HOSTOS_REQUEST_MAX - forms) / 2},
                               .count = 1,
                               .legacy = true};
    (void)state;
    memset(text, 'y', sizeof text);
    memset(no, 'x', sizeof no);
    memcpy(no, "{\"Err\":\"", 8);
    memcpy(no + sizeof no - 2, "\"}", 2);
    for (int i = 0; i < 2; i++) {
        assert_non_null(begin(r));
        up();
        if (i == 0) {
            answer(V1);
            up();
            assert_int_equal(strlen(sent), strlen(HELLO) - strlen("hello") + r.message.n);
        }
        say(no, sizeof no, 1000);
        tell(ENDPOINT_CLOSED, 0);
        assert_int_equal(c->status, CLIENT_REFUSED);
        if (i == 0)
            assert_int_equal(c->error_len, sizeof no - 10);
        else /* behind the request, there is no room for it all */
            assert_memory_equal(c->error + c->error_len - 15, " [cut off here]", 15);
        client_free(c);
    }
    r.message.n++;
    assert_null(begin(r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_legacy_host_of_v1, fresh),
        cmocka_unit_test_setup(test_legacy_host_of_v0, fresh),
        cmocka_unit_test_setup(test_what_v0_can_not_say, fresh),
        cmocka_unit_test_setup(test_probe, fresh),
        cmocka_unit_test_setup(test_legacy_upgrade, fresh),
        cmocka_unit_test_setup(test_longest_request, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
