/* SPDX-License-Identifier: MIT */
/* VComLink's HTTP generation as it is served: what is asked of the TPM, and every answer, whole. */
#include "tests/unit/vcom_http.h"

static void test_getpub(void **state)
{
    (void)state;
    SAY(0, GETPUB);
    HEARD(0, GOT_EK);
    assert_int_equal(fake_tpm.op.in.index, 0x81000001);
    SAY(0, GETPUB_OF(CLOSE));
    HEARD(0, OK_OF("23", CLOSE) EK_MESSAGE);
    assert_is(0, FAKE_CLOSED);
    assert_int_equal(fake_tpm.freed, 2);
}

/* An empty body: every field is as if it were 0. */
static void test_nothing_asked(void **state)
{
    (void)state;
    SAY(0, POST("getpub", "", ""));
    assert_error(0, OURS,
                 "failed to get public key: error while reading EK public: "
                 "tpm: there is no key 0x00000000");
    SAY(0, POST("activatecredparams", "", ""));
    assert_error(0, OURS,
                 "failed to get activate credential params: failed to read AIK public: "
                 "tpm: there is no key 0x00000000");
    assert_int_equal(fake_tpm.begun, 0);
    fake_tpm.a = (struct bytes){"x", 1};
    SAY(0, POST("readnv", "", ""));
    HEARD(0, OK_OF("3", "") "\x0a\1x");
    assert_int_equal(fake_tpm.op.in.index, 0);
}

static void test_every_kind(void **state)
{
    (void)state;
    fake_tpm.a = (struct bytes){"\0\x14\0\x0b\0\2ab", 8};
    SAY(0, POST("sign", "Content-Length: 10\r\n", "\x08\x83\x80\x80\x88\x08\x12\2hi"));
    assert_int_equal(fake_tpm.op.in.index, 0x81000003);
    assert_memory_equal(fake_tpm.op.in.a.at, "hi", 2);
    HEARD(0, OK_OF("20", "") "\x0a\6RSASSA\x12\2ab\x1a\6SHA256");
    fake_tpm.a = (struct bytes){"\0\x18\0\x0b\0\3\0\0r\0\2\0s", 13};
    SAY(0, POST("sign", "Content-Length: 6\r\n", "\x08\x85\x80\x80\x88\x08"));
    HEARD(0, OK_OF("21", "") "\x0a\5ECDSA\x22\1r\x2a\1s\x32\6SHA256");
    fake_tpm.a = (struct bytes){"certificate", 11};
    SAY(0, POST("readnv", "Content-Length: 5\r\n", "\x08\x82\x80\x80\x0e"));
    assert_int_equal(fake_tpm.op.in.index, 0x01c00002);
    HEARD(0, OK_OF("13", "") "\x0a\x0b"
                             "certificate");
    SAY(0, POST("activatecredparams", "Content-Length: 6\r\n", "\x08\x83\x80\x80\x88\x08"));
    HEARD(0, OK_OF("45", "") "\x0a\x0f" EK "\x12\x10" KEY "\x1a\x08\0\6\0\x0bname");
    SAY(0, POST("activatecred", "Content-Length: 17\r\n",
                "\x0a\3\0\1c\x12\4\0\2se\x18\x83\x80\x80\x88\x08"));
    assert_int_equal(fake_tpm.op.in.index, 0x81000003);
    assert_true(fake_tpm.op.in.a.n == 1 && *fake_tpm.op.in.a.at == 'c');
    assert_true(fake_tpm.op.in.b.n == 2 && memcmp(fake_tpm.op.in.b.at, "se", 2) == 0);
    HEARD(0, OK_OF("13", "") "\x0a\x0b"
                             "certificate");
    fake_tpm.a = (struct bytes){"attest", 6};
    fake_tpm.b = (struct bytes){"sig", 3};
    SAY(0, POST("certifykey", "Content-Length: 6\r\n", "\x08\x85\x80\x80\x88\x08"));
    HEARD(0, OK_OF("30", "") "\x0a\x0f" EK "\x12\3sig\x1a\6"
                             "attest");
    assert_is(0, FAKE_OPEN);
}

/* --- errors --- */

static const struct {
    const char *path;
    const char *body;
    size_t n;
    size_t keys; /* that were read before */
    const char *text;
} failures[] = {
    {"getpub", "\x08\1", 2, 0, "failed to get public key: error while reading EK public: tpm: why"},
    {"sign", "\x08\1", 2, 0,
     "failed to sign data: error while getting public key: error while reading EK public: tpm: "
     "why"},
    {"sign", "\x08\1", 2, 1, "failed to sign data: key is not a signing key"},
    {"readnv", "\x08\1", 2, 0, "failed to read NV: error while reading NV index: tpm: why"},
    {"activatecredparams", "\x08\1", 2, 0,
     "failed to get activate credential params: failed to read EK public: tpm: why"},
    {"activatecredparams", "\x08\1", 2, 1,
     "failed to get activate credential params: failed to read AIK public: tpm: why"},
    {"activatecred",
     "\x0a\2"
     "ab\x12\2"
     "cd\x18\1",
     10, 2, "failed to activate credential: failed to activate credential: tpm: why"},
    {"certifykey", "\x08\1", 2, 0,
     "failed to get public key: reading AIK public key failed: tpm: why"},
    {"certifykey", "\x08\1", 2, 1, "failed to get public key: certify failed: tpm: why"},
};

static void ask(int conn, const char *path, const char *body, size_t n)
{
    char request[256];
    int head = snprintf(request, sizeof request,
                        "POST /tpm/%s HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", path, n);

    memcpy(request + head, body, n);
    say(conn, request, (size_t)head + n);
}

static void test_what_the_tpm_refuses(void **state)
{
    (void)state;
    fake_tpm.error = "tpm: why";
    fake_tpm.ends_as = 0;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        ask(0, failures[i].path, failures[i].body, failures[i].n);
        for (size_t k = 0; k < failures[i].keys; k++)
            set_key(k, EK, sizeof EK - 1);
        end_operation(i % 2 == 0 ? TPM_REFUSED : TPM_FAILED);
        turn(0);
        assert_error(0, OURS, failures[i].text);
        assert_is(0, FAKE_OPEN);
    }
}

static void test_signature_that_is_none(void **state)
{
    (void)state;
    fake_tpm.a = (struct bytes){"?", 1};
    fake_tpm.ends_as = 0;
    SAY(0, POST("sign", "Content-Length: 2\r\n", "\x08\1"));
    end_operation(TPM_DONE);
    set_key(0, "\0\1\0\x0b\0\4\0\x72", 8);
    turn(0);
    assert_error(0, OURS, "failed to sign data: error while signing data ");
}

static void test_what_is_not_asked(void **state)
{
    (void)state;
    ask(0, "readnv", "\x08\x80\x80\x80\x0c", 5);
    assert_error(0, OURS, "failed to read NV: reading NV index 1800000 is not allowed");
    ask(0, "sign", "\x08\x84\x80\x80\x88\x08", 6);
    assert_error(0, OURS, "failed to sign data: using key at 81000004 is not allowed");
    ask(0, "certifykey", "\x08\xff\xff\xff\x8b\x08", 6);
    assert_error(0, OURS, "failed to get public key: using key at 817fffff is not allowed");
    ask(0, "activatecred", "\x0a\1a\x12\2cd", 7);
    assert_error(0, OURS,
                 "failed to activate credential: invalid credential blob or encrypted secret");
    ask(0, "activatecred",
        "\x0a\2"
        "ab\x12\1c",
        7);
    assert_error(0, OURS,
                 "failed to activate credential: invalid credential blob or encrypted secret");
    ask(0, "getpub", "\x08", 1);
    assert_error(0, THEIRS,
                 "failed to unmarshal request: proto: cannot parse invalid wire-format data");
    assert_int_equal(fake_tpm.begun, 0);
    fake_tpm.refuses_input = "tpm: too much";
    ask(0, "sign", "\x08\1", 2);
    assert_error(0, OURS, "failed to sign data: tpm: too much");
}

static void test_without_a_tpm(void **state)
{
    (void)state;
    fake_tpm.is_missing = true;
    for (int k = VCOM_GETPUB; k <= VCOM_CERTIFYKEY; k++) {
        enum vcom_kind kind = (enum vcom_kind)k;
        char text[128];
        ask(0, vcom_path(kind) + 5, "", 0);
        snprintf(text, sizeof text, "%s%sno TPM here", vcom_failure(kind),
                 vcom_failure_to_open(kind));
        assert_error(0, OURS, text);
    }
    ask(0, "readnv", "\x08\x80\x80\x80\x0c", 5); /* what is EVE's own comes first */
    assert_error(0, OURS, "failed to read NV: reading NV index 1800000 is not allowed");
}

static void test_paths_and_methods(void **state)
{
    (void)state;
    SAY(0, "POST /tpm/x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    HEARD(0, NOT_FOUND);
    SAY(0, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    HEARD(0, NOT_FOUND);
    SAY(0, "GET /tpm/getpub HTTP/1.1\r\n" HOST "\r\n");
    assert_error(0, "405 Method Not Allowed", "Method GET not allowed");
    SAY(0, "post /tpm/getpub HTTP/1.1\r\n" HOST "\r\n"); /* in any case, but in none at the start */
    assert_error(0, "405 Method Not Allowed", "Method post not allowed");
    SAY(0, "HEAD /tpm/getpub HTTP/1.1\r\n" HOST "\r\n");
    HEARD(0, ERROR("405 Method Not Allowed", "24", "", ""));
    SAY(0, "HEAD / HTTP/1.1\r\n" HOST "\r\n");
    HEARD(0, ERROR("404 Not Found", "19", "", ""));
    SAY(0, "POST http://h/tpm/getpub?x=y HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n\x08\1");
    HEARD(0, GOT_EK);
    SAY(0, "GET /tpm/getpub HTTP/1.1\r\n" HOST CLOSE "\r\n");
    HEARD(0, ERROR("405 Method Not Allowed", "23", CLOSE, "Method GET not allowed\n"));
    assert_is(0, FAKE_CLOSED);
}

static void test_long_method(void **state)
{
    char text[200];
    (void)state;
    memset(text, 'M', 100);
    strcpy(text + 100, " /tpm/getpub HTTP/1.1\r\n" HOST "\r\n");
    say_text(0, text);
    memcpy(text, "Method ", 7);
    strcpy(text + 71, " not allowed");
    assert_error(0, "405 Method Not Allowed", text);
}

static void test_what_is_no_request(void **state)
{
    (void)state;
    SAY(0, "GET / HTTP/1.1\r\n\r\n");
    HEARD(0, REFUSAL("400 Bad Request: missing required Host header"));
    assert_is(0, FAKE_CLOSED);
    dial(1);
    SAY(1, "\x16\3\1\n");
    HEARD(1, REFUSAL("400 Bad Request"));
    assert_is(1, FAKE_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_getpub),
        ON(test_nothing_asked),
        ON(test_every_kind),
        ON(test_what_the_tpm_refuses),
        ON(test_signature_that_is_none),
        ON(test_what_is_not_asked),
        ON(test_without_a_tpm),
        ON(test_paths_and_methods),
        ON(test_long_method),
        ON(test_what_is_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
