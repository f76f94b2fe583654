/* SPDX-License-Identifier: MIT */
/*
 * VComLink's JSON generation. Nothing frames a request: what is there when it is looked for is one,
 * whole or wrong, as what one read() gives is for EVE's server. Unlike that, the peer's end is no
 * request.
 */
#include "agent/vcom_connection.h"

bool vcom_json_fail(int conn, struct vcom_reply *reply)
{
    out_str(&reply->answer, VCOM_JSON_ERROR);
    vcom_send(conn, reply);
    return vcom_end(conn);
}

bool vcom_json_answer(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                      struct bytes ek)
{
    vcom_write_packet_ek(&reply->answer, ek);
    vcom_send(conn, reply);
    c->phase = VCOM_READ;
    return true;
}

bool vcom_json_read(int conn, struct vcom_connection *c)
{
    struct vcom_reply reply;
    const char *data;

    if (!vcom_reserve(conn, &reply))
        return false;
    uint32_t n = endpoint_peek(conn, &data);
    if (n == 0)
        return c->peer_done && vcom_end(conn);
    if (n > VCOM_JSON_MAX)
        n = VCOM_JSON_MAX;
    bool asks = vcom_asks_ek(data, n);
    endpoint_consume(conn, n);
    if (!asks)
        return vcom_json_fail(conn, &reply);
    c->phase = VCOM_ASK;
    return true;
}
