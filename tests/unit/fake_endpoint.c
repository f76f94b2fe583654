/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_endpoint.h"

#include <stdlib.h>
#include <string.h>

struct fake_connection fake_connections[FAKE_CONNECTIONS];
int fake_newest, fake_connect_error, fake_accept_error, fake_connects;

void fake_endpoint_reset(void)
{
    for (int i = 0; i < FAKE_CONNECTIONS; i++)
        free(fake_connections[i].received);
    memset(fake_connections, 0, sizeof fake_connections);
    fake_newest = fake_connect_error = fake_accept_error = fake_connects = 0;
}

/* Memory of exactly that size: a read past its end is caught. */
void fake_endpoint_receive(int conn, const void *bytes, size_t n)
{
    struct fake_connection *c = &fake_connections[conn];

    c->received = realloc(c->received, c->received_len + n + (n == 0));
    if (c->received == NULL)
        abort();
    memcpy(c->received + c->received_len, bytes, n);
    c->received_len += n;
}

int fake_endpoint_open(void)
{
    int n = 0;

    for (int i = 0; i < FAKE_CONNECTIONS; i++)
        n += fake_connections[i].is == FAKE_OPEN;
    return n;
}

uint64_t endpoint_cid(void)
{
    return 3;
}

int endpoint_connect(uint64_t cid, uint32_t port)
{
    fake_connects++;
    if (fake_connect_error != 0)
        return fake_connect_error;
    if (cid != ENDPOINT_CID_HOST)
        abort();
    for (int i = 0; i < FAKE_CONNECTIONS; i++) {
        struct fake_connection *c = &fake_connections[i];
        if (c->is == FAKE_OPEN)
            continue;
        free(c->received);
        *c = (struct fake_connection){.is = FAKE_OPEN, .port = port};
        return fake_newest = i;
    }
    return MOTE_ERR_NO_RESOURCES;
}

int endpoint_accept(int conn)
{
    struct fake_connection *c = &fake_connections[conn];

    if (fake_accept_error != 0)
        return fake_accept_error;
    free(c->received);
    *c = (struct fake_connection){.is = FAKE_OPEN};
    return MOTE_OK;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    *data = fake_connections[conn].received;
    return (uint32_t)fake_connections[conn].received_len;
}

void endpoint_consume(int conn, uint32_t n)
{
    struct fake_connection *c = &fake_connections[conn];

    if (n == 0)
        return;
    char *rest = malloc(c->received_len - n + (n == c->received_len));
    if (rest == NULL)
        abort();
    memcpy(rest, c->received + n, c->received_len - n);
    free(c->received);
    c->received = rest;
    c->received_len -= n;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **space)
{
    struct fake_connection *c = &fake_connections[conn];
    size_t room = sizeof c->sent - c->sent_len;

    *space = c->sent + c->sent_len;
    return c->is_full || c->shut || room < least ? 0 : (uint32_t)room;
}

void endpoint_send(int conn, uint32_t n)
{
    fake_connections[conn].sent_len += n;
}

bool endpoint_send_shut(int conn)
{
    return fake_connections[conn].shut;
}

void endpoint_shutdown(int conn)
{
    fake_connections[conn].shut = true;
}

static void end(int conn, enum fake_end how)
{
    if (fake_connections[conn].is != FAKE_OPEN)
        abort();
    fake_connections[conn].is = how;
}

void endpoint_close(int conn)
{
    end(conn, FAKE_CLOSED);
}

void endpoint_abort(int conn)
{
    end(conn, FAKE_ABORTED);
}
