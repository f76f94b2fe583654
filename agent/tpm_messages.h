/* SPDX-License-Identifier: MIT */
/*
 * Messages about the TPM: each is one operation (agent/tpm.h) of the connection that it came on,
 * which is asked again until it has ended.
 */
#ifndef AGENT_TPM_MESSAGES_H
#define AGENT_TPM_MESSAGES_H

#include "agent/services.h"
#include "agent/tpm_recipes.h"

/* A payload's bytes, decoded: members as of struct mote_tpm. */
struct tpm_request {
    struct bytes digest, nonce, data, credential, secret, private, public;
};

/* A message, as data. */
struct tpm_message {
    const struct tpm_recipe *recipe;
    /* What the recipe is to have. False: error says what is wrong. NULL: it takes nothing. */
    bool (*fill)(const struct mote_tpm *payload, const struct tpm_request *request,
                 struct tpm_input *in, struct out *error);
    /* Writes the answer, or an error, of an operation that is done. NULL: it is type, with out.a
     * and out.b under these keys. */
    void (*answer)(const struct request *r, const struct tpm_op *op);
    const char *type; /* NULL: an ack */
    const char *keys[2];
    bool has_effect; /* so it goes on without anybody who hears of it */
};

/* Serves one (struct message, agent/dispatch.h). */
bool tpm_serve(const struct request *r, const struct tpm_message *message);

/* Fill in what opens a credential, and what is sealed. */
bool tpm_fill_credential(const struct mote_tpm *payload, const struct tpm_request *request,
                         struct tpm_input *in, struct out *error);
bool tpm_fill_sealed(const struct mote_tpm *payload, const struct tpm_request *request,
                     struct tpm_input *in, struct out *error);

#endif
