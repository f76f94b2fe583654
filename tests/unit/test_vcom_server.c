/* SPDX-License-Identifier: MIT */
/*
 * VComLink as it is served, over an endpoint and a TPM that only play their parts: JSON, and what
 * both generations have in common.
 */
#include "tests/unit/vcom_rows.h"
#include "tests/unit/vcom_serving.h"

#define ANSWER "{\"channel\":2,\"ek\":\"AAEACwADALItdGhlLWVr\"}"
#define WRONG  VCOM_JSON_ERROR

static void test_ek(void **state)
{
    (void)state;
    say_text(0, ASKED);
    assert_ptr_equal(fake_tpm.op.recipe, NULL);
    assert_heard_text(0, ANSWER);
    assert_int_equal(fake_tpm.begun, 1);
    assert_int_equal(fake_tpm.freed, 1);
    assert_int_equal(fake_tpm.op.in.index, 0x81000001);
    say_text(0, ASKED);
    assert_heard_text(0, ANSWER);
    assert_is(0, FAKE_OPEN);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < VCOM_ROWS; i++) {
        const struct vcom_row *row = &vcom_rows[i];
        dial(1);
        say(1, row->read, vcom_row_size(row));
        assert_heard_text(1, row->is_taken ? ANSWER : WRONG);
        assert_is(1, row->is_taken ? FAKE_OPEN : FAKE_CLOSED);
        assert_int_equal(fake_connections[1].received_len, 0);
        if (row->is_taken)
            tell(1, ENDPOINT_RESET);
    }
}

static void test_one_object_in_two_reads(void **state)
{
    (void)state;
    for (size_t n = 1; n < strlen(ASKED); n++) {
        dial(1);
        say(1, ASKED, n);
        assert_heard_text(1, WRONG);
        assert_is(1, FAKE_CLOSED);
    }
}

/* A read has so many bytes at most: what is behind them is another. */
static void test_long_reads(void **state)
{
    static char text[VCOM_JSON_MAX + sizeof ASKED];
    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, ASKED, strlen(ASKED));
    say(0, text, VCOM_JSON_MAX);
    assert_heard_text(0, ANSWER);
    memcpy(text + VCOM_JSON_MAX, ASKED, strlen(ASKED));
    say(0, text, VCOM_JSON_MAX + strlen(ASKED));
    assert_heard_text(0, ANSWER ANSWER);
    memset(text, ' ', sizeof text);
    memcpy(text + VCOM_JSON_MAX - 1, ASKED, strlen(ASKED));
    say(0, text, VCOM_JSON_MAX + strlen(ASKED) - 1);
    assert_heard_text(0, WRONG);
    assert_is(0, FAKE_CLOSED);
    assert_int_equal(fake_connections[0].received_len, 0);
}

/* What comes while the TPM works is the next read, whole. */
static void test_reads_behind_one_that_waits(void **state)
{
    (void)state;
    fake_tpm.ends_as = 0;
    say_text(0, ASKED);
    say_text(0, ASKED);
    say_text(0, "\n");
    assert_heard_text(0, "");
    turn(100 * S); /* nobody is silent who waits for us */
    fake_tpm.ends_as = TPM_DONE;
    end_operation(TPM_DONE);
    turn(0);
    assert_heard_text(0, ANSWER ANSWER);
    fake_tpm.ends_as = 0;
    say_text(0, ASKED);
    say_text(0, ASKED);
    say_text(0, ASKED);
    end_operation(TPM_DONE);
    turn(0);
    assert_heard_text(0, ANSWER WRONG);
    assert_is(0, FAKE_CLOSED);
}

static void test_half_close(void **state)
{
    (void)state;
    fake_endpoint_receive(0, ASKED, strlen(ASKED));
    tell(0, ENDPOINT_CLOSED);
    assert_heard_text(0, ANSWER);
    assert_is(0, FAKE_CLOSED);
    dial(1);
    tell(1, ENDPOINT_CLOSED);
    assert_heard_text(1, "");
    assert_is(1, FAKE_CLOSED);
    dial(2);
    say_text(2, ASKED);
    tell(2, ENDPOINT_CLOSED);
    assert_heard_text(2, ANSWER);
    assert_is(2, FAKE_CLOSED);
}

static void test_half_close_while_the_tpm_works(void **state)
{
    (void)state;
    fake_tpm.ends_as = 0;
    say_text(0, ASKED);
    tell(0, ENDPOINT_CLOSED);
    turn(60 * S);
    assert_is(0, FAKE_OPEN);
    end_operation(TPM_DONE);
    turn(0);
    assert_heard_text(0, ANSWER);
    assert_is(0, FAKE_CLOSED);
}

static void test_silence(void **state)
{
    (void)state;
    say_text(0, ASKED);
    assert_heard_text(0, ANSWER);
    turn(20 * S);
    say_text(0, ASKED);
    assert_heard_text(0, ANSWER);
    turn(30 * S - 1);
    assert_heard_text(0, "");
    turn(1);
    assert_heard_text(0, WRONG);
    assert_is(0, FAKE_CLOSED);
    dial(1); /* of no generation: nothing is said */
    turn(30 * S);
    assert_heard_text(1, "");
    assert_is(1, FAKE_CLOSED);
}

static void test_every_failure_has_one_text(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        dial(1);
        fake_tpm = (struct fake_tpm){.is_missing = i == 0,
                                     .refuses_input = i == 1 ? "tpm: no" : NULL,
                                     .ends_as = i == 2 ? TPM_REFUSED : TPM_FAILED,
                                     .error = "tpm: no"};
        say_text(1, ASKED);
        assert_heard_text(1, WRONG);
        assert_is(1, FAKE_CLOSED);
        assert_int_equal(fake_tpm.begun, fake_tpm.freed);
        assert_int_equal(fake_tpm.begun, i >= 2);
    }
}

/* --- the TPM is at something else, and what becomes of connections meanwhile --- */

static void test_queue(void **state)
{
    (void)state;
    fake_tpm.is_busy = true;
    say_text(0, ASKED);
    assert_true(vcom_server_deadline() <= fake_now + S / 20);
    turn(100 * S);
    assert_heard_text(0, "");
    fake_tpm.is_busy = false;
    turn(0);
    assert_heard_text(0, ANSWER);
    assert_true(vcom_server_deadline() > fake_now + 29 * S);
}

static void test_two_that_wait(void **state)
{
    (void)state;
    dial(1);
    fake_tpm.ends_as = 0;
    say_text(0, ASKED);
    fake_tpm.is_busy = true;
    say_text(1, ASKED);
    tell(1, ENDPOINT_RESET); /* it leaves the queue */
    assert_int_equal(fake_tpm.abandoned, 1);
    assert_is(1, FAKE_CLOSED);
    turn(S);
    tell(0, ENDPOINT_RESET); /* and it the TPM */
    assert_int_equal(fake_tpm.abandoned, 2);
    assert_int_equal(fake_tpm.freed, 0);
}

static void test_peer_that_does_not_read(void **state)
{
    (void)state;
    fake_connections[0].is_full = true;
    say_text(0, ASKED);
    assert_int_equal(fake_tpm.begun, 0); /* the TPM is not held up by it */
    fake_connections[0].is_full = false;
    tell(0, ENDPOINT_ROOM);
    assert_heard_text(0, ANSWER);
    fake_connections[0].is_full = true;
    say_text(0, ASKED);
    turn(30 * S);
    assert_is(0, FAKE_CLOSED);
    assert_heard_text(0, "");
}

static void test_peer_that_listens_no_more(void **state)
{
    (void)state;
    fake_connections[0].shut = true;
    say_text(0, ASKED);
    assert_is(0, FAKE_CLOSED);
    dial(1);
    fake_tpm.ends_as = 0;
    say_text(1, ASKED);
    fake_connections[1].shut = true;
    end_operation(TPM_DONE);
    turn(0);
    assert_is(1, FAKE_CLOSED);
    assert_int_equal(fake_tpm.abandoned, 1);
}

static void test_peer_that_has_gone(void **state)
{
    (void)state;
    fake_accept_error = MOTE_ERR_INVALID;
    fake_connections[1].is = FAKE_OPEN;
    tell(1, ENDPOINT_REQUESTED);
    assert_is(1, FAKE_CLOSED);
    tell(1, ENDPOINT_DATA); /* of a connection that is none any more */
    tell(1, ENDPOINT_RESET);
    assert_is(1, FAKE_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_ek),
        ON(test_rows),
        ON(test_one_object_in_two_reads),
        ON(test_long_reads),
        ON(test_reads_behind_one_that_waits),
        ON(test_half_close),
        ON(test_half_close_while_the_tpm_works),
        ON(test_silence),
        ON(test_every_failure_has_one_text),
        ON(test_queue),
        ON(test_two_that_wait),
        ON(test_peer_that_does_not_read),
        ON(test_peer_that_listens_no_more),
        ON(test_peer_that_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
