/* SPDX-License-Identifier: MIT */
/* The TPM's part in the random generator: asked once at the start and once behind each reset. */
#include "tests/unit/unit.h"

#include "agent/seed.h"
#include "agent/tpm_recipes.h"
#include "drivers/random.h"

#include <string.h>

const struct tpm_recipe tpm_recipe_random;

static struct tpm_op op;
static bool is_there, is_busy;
static int begun, added, renewed;

const char *tpm_interface(void)
{
    return is_there ? "tis" : NULL;
}

struct tpm_op *tpm_find(int owner)
{
    assert_int_equal(owner, TPM_OWNER_ENTROPY);
    return op.recipe != NULL ? &op : NULL;
}

struct tpm_op *tpm_begin(int owner, const struct tpm_recipe *recipe, const struct tpm_input *in,
                         struct out *error)
{
    (void)error;
    assert_int_equal(owner, TPM_OWNER_ENTROPY);
    assert_int_equal(in->number, RANDOM_SEED);
    if (is_busy)
        return NULL;
    begun++;
    op = (struct tpm_op){.recipe = recipe, .status = TPM_RUNNING};
    return &op;
}

void tpm_free(struct tpm_op *o)
{
    assert_ptr_equal(o, &op);
    o->recipe = NULL;
}

void random_add(const void *bytes, size_t n)
{
    assert_memory_equal(bytes, "seed", n);
    added++;
}

void random_renew(void)
{
    renewed++;
}

static int reset(void **state)
{
    (void)state;
    memset(&op, 0, sizeof op);
    is_there = true;
    is_busy = false;
    begun = added = renewed = 0;
    return 0;
}

static void end(enum tpm_op_status status)
{
    op.status = status;
    op.out.a = (struct bytes){"seed", 4};
}

static void test_asked_once(void **state)
{
    (void)state;
    seed_want();
    is_busy = true;
    seed_tick();
    assert_int_equal(begun, 0);
    is_busy = false;
    seed_tick();
    seed_tick(); /* it runs */
    assert_int_equal(begun, 1);
    assert_int_equal(added, 0);
    end(TPM_DONE);
    seed_tick();
    seed_tick();
    assert_int_equal(begun, 1);
    assert_int_equal(added, 1);
    seed_renew();
    seed_tick();
    assert_int_equal(renewed, 1);
    assert_int_equal(begun, 2);
}

static void test_what_fails_adds_nothing(void **state)
{
    (void)state;
    seed_want();
    seed_tick();
    end(TPM_FAILED);
    seed_tick();
    seed_tick();
    assert_int_equal(begun, 1);
    assert_int_equal(added, 0);
}

static void test_no_tpm(void **state)
{
    (void)state;
    is_there = false;
    seed_renew();
    seed_tick();
    assert_int_equal(renewed, 1);
    assert_int_equal(begun, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_asked_once, reset),
        cmocka_unit_test_setup(test_what_fails_adds_nothing, reset),
        cmocka_unit_test_setup(test_no_tpm, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
