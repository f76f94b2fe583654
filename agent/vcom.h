/* SPDX-License-Identifier: MIT */
/*
 * The VComLink client: asks an EVE-OS host for what its TPM has, over agent/client.h. Which of
 * the two generations the host speaks is found out by asking in HTTP: one that speaks JSON answers
 * that in JSON, and is asked again in JSON for the EK, which is all that it has to give.
 */
#ifndef AGENT_VCOM_H
#define AGENT_VCOM_H

#include "agent/client.h"
#include "proto/vcom.h"

/*
 * Begins to ask; r and what it refers to are copied. NULL: *error says why: no place is free, or
 * the request is too long (VCOM_BODY_MAX; and what does not fit CLIENT_DATA_MAX beside an answer).
 *
 * CLIENT_DONE: client->protocol->report() writes vcom_write_answer(). CLIENT_REFUSED: the error is
 * "500: failed to read NV: ..." by HTTP, the status and the host's text without its last newline,
 * and the host's text alone by JSON. A text beyond CLIENT_DATA_MAX is cut there. CLIENT_FAILED:
 * all else; an answer beyond CLIENT_DATA_MAX too.
 *
 * After a transport reset, or in a restored snapshot, it is asked once more, in HTTP first, for the
 * host may be another; but VCOM_SIGN fails.
 *
 * A host reads the rest of a request that was broken off for ever, so none is: it leaves in one
 * piece where ENDPOINT_SEND_BUFFER has room for it, as it always has on bare metal; else the
 * deadline waits for its rest. The host never sees a reset of ours, but from client_free() of a
 * request that is still leaving in pieces.
 */
struct client *vcom_begin(const struct vcom_request *r, struct out *error);

#endif
