/* SPDX-License-Identifier: MIT */
/* From a message about the TPM to an operation, and from its end to an answer. */
#include "agent/job_strings.h"
#include "agent/tpm_messages.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct tpm_op *begin_message(const struct request *r, const struct tpm_message *m)
{
    static const struct job_string strings[] = {
        JOB_STRING(tpm, digest, true), JOB_STRING(tpm, nonce, true),
        JOB_STRING(tpm, data, true),   JOB_STRING(tpm, credential, true),
        JOB_STRING(tpm, secret, true), JOB_STRING(tpm, private, true),
        JOB_STRING(tpm, public, true),
    };
    const struct mote_tpm *p = &r->payload->tpm;
    struct tpm_request request = {0};
    struct tpm_input in = {0};
    struct tpm_op *op = NULL;

    out_str(r->error, "tpm: ");
    if (job_read_strings(strings, COUNT(strings), p, &request, r->error) &&
        (m->fill == NULL || m->fill(p, &request, &in, r->error))) {
        r->error->len = 0;
        op = tpm_begin(r->conn, m->recipe, &in, r->error);
    }
    job_wipe_strings();
    store_abandon(); /* it may have been asked for what is sealed */
    return op;
}

static void answer_message(const struct request *r, const struct tpm_message *m,
                           const struct tpm_op *op)
{
    if (m->answer != NULL)
        m->answer(r, op);
    else if (m->type != NULL)
        mote_write_bytes(r->reply, m->type, (struct mote_tpm_bytes){m->keys[0], op->out.a},
                         (struct mote_tpm_bytes){m->keys[1], op->out.b});
    if (!r->reply->overflow)
        return;
    *r->reply = out_to(r->reply->base, r->reply->cap);
    out_str(r->error, "tpm: the answer is too long: limit is ");
    out_u64(r->error, STEREOS_REPLY_MAX);
    out_str(r->error, " bytes");
}

static void end_message(const struct request *r, const struct tpm_message *m, struct tpm_op *op)
{
    if (op->status == TPM_DONE)
        answer_message(r, m, op);
    else
        out_bytes(r->error, op->error, op->error_len);
    tpm_free(op);
}

bool tpm_serve(const struct request *r, const struct tpm_message *m)
{
    struct tpm_op *op = tpm_find(r->conn);

    if (r->reply->cap == 0 && !m->has_effect) {
        tpm_abandon(r->conn);
        return true;
    }
    if (op == NULL && (op = begin_message(r, m)) == NULL) {
        if (r->error->len == 0)
            return false;
        tpm_abandon(r->conn); /* it may have waited for its turn */
        return true;
    }
    if (op->status == TPM_RUNNING)
        return false;
    end_message(r, m, op);
    return true;
}
