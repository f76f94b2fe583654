/* SPDX-License-Identifier: MIT */
/*
 * What the tests of agent/vcom_server*.c share: peers that say something and look what comes back,
 * and a TPM that does as it is told.
 */
#ifndef TESTS_UNIT_VCOM_SERVING_H
#define TESTS_UNIT_VCOM_SERVING_H

#include "tests/unit/unit.h"

#include "agent/tpm_recipes.h"
#include "agent/vcom_server.h"
#include "drivers/tpm.h"
#include "proto/vcom_serve.h"
#include "tests/unit/fake_endpoint.h"
#include "tests/unit/fake_platform.h"

#include <stdio.h>
#include <stdlib.h>

#define UNUSED __attribute__((unused))
#define S      UINT64_C(1000000000)

/* --- the TPM --- */

static struct fake_tpm {
    bool is_missing; /* there is none */
    bool is_busy;    /* at something else */
    const char *refuses_input;
    enum tpm_op_status ends_as; /* at once; 0: it goes on */
    const char *error;
    struct bytes a, b; /* results */
    /* What became of it. */
    struct tpm_op op;
    char in_a[4096], in_b[4096];
    int begun, freed, abandoned;
} fake_tpm;

const struct tpm_recipe tpm_recipe_public = {.name = "public"};
const struct tpm_recipe tpm_recipe_sign = {.name = "sign"};
const struct tpm_recipe tpm_recipe_nv_read = {.name = "nv_read"};
const struct tpm_recipe tpm_recipe_credential_params = {.name = "credential_params"};
const struct tpm_recipe tpm_recipe_activate = {.name = "activate"};
const struct tpm_recipe tpm_recipe_certify = {.name = "certify"};

const char *tpm_interface(void)
{
    return fake_tpm.is_missing ? NULL : "fake";
}

const char *tpm_fault(void)
{
    return "no TPM here";
}

static void set_key(size_t i, const char *public_area, size_t n)
{
    struct tpm_key *key = &fake_tpm.op.key[i];

    key->public_len = (uint16_t)n;
    memcpy(key->public_area, public_area, n);
    key->name_len = 6;
    memcpy(key->name, "\0\x0bname", 6);
}

/* Their first eight bytes are those of RSA's EK, and of an elliptic curve's key. */
#define EK  "\0\1\0\x0b\0\3\0\xb2-the-ek"
#define KEY "\0\x23\0\x0b\0\5\4\x72-the-key"

static void end_operation(enum tpm_op_status status)
{
    struct tpm_op *op = &fake_tpm.op;

    op->status = status;
    op->out.a = fake_tpm.a;
    op->out.b = fake_tpm.b;
    op->error_len = (size_t)snprintf(op->error, sizeof op->error, "%s",
                                     fake_tpm.error != NULL ? fake_tpm.error : "");
    if (status != TPM_DONE)
        return;
    set_key(0, EK, sizeof EK - 1);
    if (op->recipe == &tpm_recipe_credential_params)
        set_key(1, KEY, sizeof KEY - 1);
}

static struct bytes keep(char *room, struct bytes b)
{
    if (b.n != 0)
        memcpy(room, b.at, b.n);
    return (struct bytes){room, b.n};
}

struct tpm_op *tpm_begin(int owner, const struct tpm_recipe *recipe, const struct tpm_input *in,
                         struct out *error)
{
    struct tpm_op *op = &fake_tpm.op;

    if (fake_tpm.refuses_input != NULL)
        out_str(error, fake_tpm.refuses_input);
    if (fake_tpm.is_busy || fake_tpm.refuses_input != NULL)
        return NULL;
    assert_null(op->recipe);
    *op = (struct tpm_op){.recipe = recipe, .owner = owner, .status = TPM_RUNNING, .in = *in};
    assert_true(in->a.n <= sizeof fake_tpm.in_a && in->b.n <= sizeof fake_tpm.in_b);
    op->in.a = keep(fake_tpm.in_a, in->a);
    op->in.b = keep(fake_tpm.in_b, in->b);
    fake_tpm.begun++;
    if (fake_tpm.ends_as != 0)
        end_operation(fake_tpm.ends_as);
    return op;
}

struct tpm_op *tpm_find(int owner)
{
    return fake_tpm.op.recipe != NULL && fake_tpm.op.owner == owner ? &fake_tpm.op : NULL;
}

void tpm_free(struct tpm_op *op)
{
    op->recipe = NULL;
    fake_tpm.freed++;
}

void tpm_abandon(int owner)
{
    if (tpm_find(owner) != NULL)
        fake_tpm.op.recipe = NULL;
    fake_tpm.abandoned++;
}

struct bytes tpm_key_public(const struct tpm_op *op, size_t key)
{
    return (struct bytes){(const char *)op->key[key].public_area, op->key[key].public_len};
}

struct bytes tpm_key_name(const struct tpm_op *op, size_t key)
{
    return (struct bytes){(const char *)op->key[key].name, op->key[key].name_len};
}

/* --- peers --- */

static void tell(int conn, enum endpoint_event_type type)
{
    vcom_server_event(&(struct endpoint_event){
        .type = type, .conn = conn, .local_port = VCOM_PORT, .error = MOTE_ERR_RESET});
}

static UNUSED void dial(int conn)
{
    tell(conn, ENDPOINT_REQUESTED);
    assert_int_equal(fake_connections[conn].is, FAKE_OPEN);
}

static UNUSED void say(int conn, const char *bytes, size_t n)
{
    fake_endpoint_receive(conn, bytes, n);
    tell(conn, ENDPOINT_DATA);
}

static UNUSED void say_text(int conn, const char *text)
{
    say(conn, text, strlen(text));
}

/* Time passes, and no deadline is missed. */
static UNUSED void turn(uint64_t ns)
{
    fake_now += ns;
    vcom_server_tick(fake_now);
    assert_true(vcom_server_deadline() > fake_now);
}

static UNUSED void assert_heard(int conn, const char *bytes, size_t n)
{
    struct fake_connection *c = &fake_connections[conn];

    if (c->sent_len != n || memcmp(c->sent, bytes, n) != 0)
        fail_msg("heard: %.*s", (int)c->sent_len, c->sent);
    c->sent_len = 0;
}

static UNUSED void assert_heard_text(int conn, const char *text)
{
    assert_heard(conn, text, strlen(text));
}

static UNUSED void assert_is(int conn, enum fake_end is)
{
    assert_int_equal(fake_connections[conn].is, is);
}

static UNUSED int begin_test(void **state)
{
    (void)state;
    fake_endpoint_reset();
    memset(&fake_tpm, 0, sizeof fake_tpm);
    fake_tpm.ends_as = TPM_DONE;
    dial(0);
    return 0;
}

static UNUSED int end_test(void **state)
{
    (void)state;
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        if (fake_connections[i].is == FAKE_OPEN)
            tell(i, ENDPOINT_RESET);
    assert_int_equal(fake_endpoint_open(), 0);
    assert_null(fake_tpm.op.recipe); /* nobody else's is left */
    vcom_server_tick(fake_now += 100 * S);
    assert_true(vcom_server_deadline() == UINT64_MAX);
    fake_endpoint_reset();
    return 0;
}

#define ON(test) cmocka_unit_test_setup_teardown(test, begin_test, end_test)

#endif
