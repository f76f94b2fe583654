/* SPDX-License-Identifier: MIT */
/*
 * Operations of the TPM: each is a few commands, one behind the other, and one operation goes on at
 * a time; who comes meanwhile waits in order. None blocks. What an operation does is a recipe, a
 * table of steps; the rest is here: the transport, deadlines, commands that the TPM wants to be
 * sent again, the keys that a recipe needs, a policy session, and that nothing of it stays in the
 * TPM, however it ends.
 *
 * An operation has one owner: the connection that it is done for, or one of TPM_OWNER_.... The
 * owner begins it, asks in its turns of the loop whether it has ended, reads its results and frees
 * it. tpm_tick() runs before owners are asked.
 */
#ifndef AGENT_TPM_H
#define AGENT_TPM_H

#include "proto/tpm2.h"

#include "drivers/endpoint.h"

/* Owners that are no connection. */
enum tpm_owner {
    TPM_OWNER_MEASURE = ENDPOINT_CONNECTIONS, /* agent/measure.h */
    TPM_OWNER_ENTROPY,                        /* what the random generator takes */
    TPM_OWNER_END,                            /* tpm_end_use() */
    TPM_OWNERS,
};

/* Bytes of all inputs and results of an operation: a credential and an encrypted secret; an EK
 * certificate of 1,500 bytes. */
#define TPM_DATA_MAX  2048
#define TPM_ERROR_MAX 192 /* bytes of its error text */

enum tpm_op_status {
    TPM_RUNNING = 1,
    TPM_DONE,    /* its results are there */
    TPM_REFUSED, /* the TPM said no: rc, and error in words */
    TPM_FAILED,  /* there is no TPM, it does not answer, or not as it should: error says it */
};

/* What an owner asks. Which members count is the recipe's. */
struct tpm_input {
    uint32_t index;             /* a handle */
    uint32_t number;            /* bytes, a PCR, an offset */
    struct tpm2_selection pcrs; /* none: pcrs.pcrs is 0 */
    struct bytes a, b;          /* copied when it begins */
};

/* Results. Views into the operation's memory, good until tpm_free(). */
struct tpm_output {
    uint32_t number; /* a size, the PCRs that were read */
    struct bytes a, b, c;
};

#define TPM_KEYS 2 /* that an operation needs at once; swtpm has room for three objects */

struct tpm_key {
    uint32_t handle;     /* 0: not there */
    bool is_transient;   /* made for this operation: it is flushed behind it */
    uint16_t public_len; /* its TPMT_PUBLIC */
    uint16_t name_len;   /* its name, without its size: an algorithm and a digest */
    uint8_t public_area[TPM2_PUBLIC_MAX];
    uint8_t name[2 + TPM2_DIGEST_MAX];
};

struct tpm_op {
    const struct tpm_recipe *recipe; /* NULL: none goes on */
    int owner;
    enum tpm_op_status status;
    uint32_t rc; /* of TPM_REFUSED */
    struct tpm_input in;
    struct tpm_output out;
    /* For steps: */
    struct tpm_key key[TPM_KEYS];
    uint32_t session; /* that a step has begun; 0: there is none */
    uint32_t object;  /* that a step has loaded */
    size_t step;      /* which one it is at */
    uint32_t count;   /* the steps' own, 0 at first */
    size_t used;      /* bytes of data in use, from its start */
    _Alignas(8) uint8_t data[TPM_DATA_MAX];
    size_t error_len;
    char error[TPM_ERROR_MAX];
};

/* What a step makes of an answer. */
enum tpm_take {
    TPM_NEXT,  /* on to the next step */
    TPM_AGAIN, /* this one once more: there is more to read */
    TPM_FAIL,  /* it ends: the step has called tpm_fail(), else rc is why */
};

struct tpm_step {
    /* Writes the command. False: there is nothing to be done here, or it has called tpm_fail().
     * Called again when the TPM wants the command once more. */
    bool (*ask)(struct tpm_op *op, struct out *command);
    /* Reads the answer. NULL: rc must be TPM_RC_SUCCESS, nothing else is of interest. When
     * takes_errors is false it is called for success alone. One that ends too early (a reader that
     * is bad) is a failure, whatever is returned. Handles in answers are flushed at the end, also
     * without a step for it. */
    enum tpm_take (*take)(struct tpm_op *op, struct tpm2_answer *answer);
    bool takes_errors;
};

/* What an operation does, constant. */
struct tpm_recipe {
    const char *name;             /* in error texts: "quote" */
    uint32_t keys[TPM_KEYS];      /* persistent handles (TPM2_..._HANDLE) of what it needs; 0: none;
                                   * TPM_KEY_OF_INDEX: that of in.index */
    const struct tpm_step *steps; /* up to one without ask */
};
#define TPM_KEY_OF_INDEX 1u

/*
 * The EK is at 0x81000001, else at 0x81010001, else it is made of the TCG's template; any other key
 * of tpm2_template_of() is where it belongs, or is made likewise, for the operation alone or, by
 * mote.tpm_keys=persistent, for good. A key that is not there and has no template: TPM_REFUSED.
 */

/* Reads mote.tpm_keys and opens the TPM; the console is told. It is started in front of the first
 * operation. MOTE_ERR_INVALID: the option can't be understood, as the console was told; that there
 * is no TPM is no error. Once. */
int tpm_begin_use(void);

/* At the guest's end, in each turn of the loop: nobody wants the TPM any more, what was made in it
 * still leaves it, and unless others use it, too, it is shut down, so that it need not take this
 * for an attack (Part 1, 12.2.3, 19.8.6). True: it is over. */
bool tpm_end_use(void);

/* The interface (tpm_open()); NULL: there is no TPM, and every operation fails. */
const char *tpm_interface(void);

/* Whether keys that have to be made are kept (mote.tpm_keys=persistent). */
bool tpm_keeps_keys(void);

/* How often the TPM has lost its power behind our back: PCRs, transient objects and sessions. */
uint32_t tpm_resets(void);

/*
 * Begins an operation for an owner that has none. NULL: with error as it was, another goes on, and
 * the owner is in the queue until it calls again or tpm_abandon(); else error says why not (there
 * is no TPM, too much input), from "tpm: " on.
 */
struct tpm_op *tpm_begin(int owner, const struct tpm_recipe *recipe, const struct tpm_input *in,
                         struct out *error);

/* The operation of this owner, whatever its status; NULL: it has none. When it has ended, what it
 * made may still be leaving the TPM: others wait for that, the owner need not. */
struct tpm_op *tpm_find(int owner);

/* Ends it for the owner, and wipes what it held. One that still runs is finished first (what it
 * made leaves the TPM), for nobody. */
void tpm_free(struct tpm_op *op);

/* Frees what the owner has, and takes it out of the queue. */
void tpm_abandon(int owner);

/* -- for steps */

/* n bytes of op->data, aligned to 8, that are kept until its end; NULL: there are no more, and it
 * has failed. */
uint8_t *tpm_room(struct tpm_op *op, size_t n);

/* A copy of bytes in op->data, likewise; empty when there is no room. */
struct bytes tpm_keep(struct tpm_op *op, struct bytes b);

/* It has failed; the text as printf() has it, "tpm: " is put in front. Returns TPM_FAIL. */
enum tpm_take tpm_fail(struct tpm_op *op, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The TPMT_PUBLIC of a key of the operation, and its name. */
struct bytes tpm_key_public(const struct tpm_op *op, size_t key);
struct bytes tpm_key_name(const struct tpm_op *op, size_t key);

/* -- for the loop */

void tpm_tick(uint64_t now);

/* When tpm_tick() must be called at the latest; UINT64_MAX when nothing goes on. */
uint64_t tpm_deadline(void);

#endif
