/* SPDX-License-Identifier: MIT */
/* What the TPM says of itself: capabilities, one behind the other. */
#include "agent/tpm_steps.h"

#define PROPERTIES   (TPM_PT_FIRMWARE_VERSION_2 - TPM_PT_REVISION + 1)
#define IN_LOCKOUT   (1u << 9) /* of TPMA_PERMANENT */
#define HANDLES_MAX  64u       /* more than any TPM has room for */
#define BANKS_MAX    (sizeof((struct tpm_facts *)NULL)->banks / sizeof(uint16_t) - 1)
#define VENDOR_WORDS 4u

static struct tpm_facts *facts_of(struct tpm_op *op)
{
    return (struct tpm_facts *)(void *)op->data; /* it is the first there, and aligned */
}

static bool ask_properties(struct tpm_op *op, struct out *o)
{
    struct bytes *facts = &op->out.a;

    if (facts->at == NULL) {
        *facts = (struct bytes){(char *)tpm_room(op, sizeof(struct tpm_facts)), 0};
        if (facts->at == NULL)
            return false;
        facts->n = sizeof(struct tpm_facts);
        *facts_of(op) = (struct tpm_facts){.revision = 0};
    }
    tpm2_write_get_capability(o, TPM_CAP_TPM_PROPERTIES, TPM_PT_REVISION, PROPERTIES);
    return true;
}

/* Four characters of a property; what can't be printed ends them. */
static void put_characters(char *dst, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(value >> (24 - 8 * i) & 0xff);
        if (c < ' ' || c > '~')
            return;
        dst[i] = c;
    }
}

static void put_property(struct tpm_facts *f, uint32_t property, uint32_t value)
{
    uint32_t word = property - TPM_PT_VENDOR_STRING_1;

    if (property == TPM_PT_REVISION)
        f->revision = value;
    else if (property == TPM_PT_MANUFACTURER)
        put_characters(f->manufacturer, value);
    else if (word < VENDOR_WORDS)
        put_characters(f->vendor + 4 * word, value);
    else if (property == TPM_PT_FIRMWARE_VERSION_1)
        f->firmware[0] = value;
    else if (property == TPM_PT_FIRMWARE_VERSION_2)
        f->firmware[1] = value;
    else if (property == TPM_PT_PERMANENT)
        f->is_locked_out = (value & IN_LOCKOUT) != 0;
}

static enum tpm_take take_properties(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct tpm2_reader *r = &answer->parameters;

    for (uint32_t n = tpm_read_capability(r, TPM_CAP_TPM_PROPERTIES); n != 0 && !r->bad; n--) {
        uint32_t property = tpm2_u32(r);
        put_property(facts_of(op), property, tpm2_u32(r));
    }
    return TPM_NEXT;
}

static bool ask_permanent(struct tpm_op *op, struct out *o)
{
    (void)op;
    tpm2_write_get_capability(o, TPM_CAP_TPM_PROPERTIES, TPM_PT_PERMANENT, 1);
    return true;
}

static bool ask_all_banks(struct tpm_op *op, struct out *o)
{
    (void)op;
    tpm2_write_get_capability(o, TPM_CAP_PCRS, 0, 1);
    return true;
}

static enum tpm_take take_all_banks(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct tpm2_reader *r = &answer->parameters;
    size_t count = 0;

    for (uint32_t n = tpm_read_capability(r, TPM_CAP_PCRS); n != 0 && !r->bad; n--) {
        struct tpm2_selection bank = tpm_read_bank(r);
        if (bank.pcrs != 0 && count < BANKS_MAX)
            facts_of(op)->banks[count++] = bank.hash;
    }
    return TPM_NEXT;
}

static bool ask_objects(struct tpm_op *op, struct out *o)
{
    (void)op;
    tpm2_write_get_capability(o, TPM_CAP_HANDLES, (uint32_t)TPM_HT_TRANSIENT, HANDLES_MAX);
    return true;
}

static bool ask_sessions(struct tpm_op *op, struct out *o)
{
    (void)op;
    tpm2_write_get_capability(o, TPM_CAP_HANDLES, TPM_HT_LOADED_SESSION, HANDLES_MAX);
    return true;
}

static enum tpm_take take_count(struct tpm2_answer *answer, uint32_t *count)
{
    *count = tpm_read_capability(&answer->parameters, TPM_CAP_HANDLES);
    tpm2_bytes(&answer->parameters, (size_t)*count * sizeof(uint32_t));
    return TPM_NEXT;
}

static enum tpm_take take_objects(struct tpm_op *op, struct tpm2_answer *answer)
{
    return take_count(answer, &facts_of(op)->objects);
}

static enum tpm_take take_sessions(struct tpm_op *op, struct tpm2_answer *answer)
{
    return take_count(answer, &facts_of(op)->sessions);
}

static const struct tpm_step info_steps[] = {
    {ask_properties, take_properties, false}, {ask_permanent, take_properties, false},
    {ask_all_banks, take_all_banks, false},   {ask_objects, take_objects, false},
    {ask_sessions, take_sessions, false},     {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_info = {.name = "info", .steps = info_steps};
