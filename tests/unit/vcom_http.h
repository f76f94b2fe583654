/* SPDX-License-Identifier: MIT */
/* What the tests of VComLink's HTTP generation share: requests and answers, whole. */
#ifndef TESTS_UNIT_VCOM_HTTP_H
#define TESTS_UNIT_VCOM_HTTP_H

#include "tests/unit/vcom_serving.h"

#define HOST                   "Host: vcom\r\n"
#define POST(path, more, body) "POST /tpm/" path " HTTP/1.1\r\n" HOST more "\r\n" body
#define GETPUB_OF(more)        POST("getpub", "Content-Length: 6\r\n" more, "\x08\x81\x80\x80\x88\x08")
#define GETPUB                 GETPUB_OF("")

#define OK_OF(length, more)                                                                        \
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-proto-binary\r\nContent-Length: " length       \
    "\r\n" more "\r\n"
#define EK_MESSAGE "\x0a\x0f" EK "\x10\1\x18\xb2\x81\x0c"
#define GOT_EK     OK_OF("23", "") EK_MESSAGE
#define TEXT       "Content-Type: text/plain; charset=utf-8\r\n"
#define ERROR(status, length, more, text)                                                          \
    "HTTP/1.1 " status "\r\n" TEXT "X-Content-Type-Options: nosniff\r\nContent-Length: " length    \
    "\r\n" more "\r\n" text
#define REFUSAL(text) "HTTP/1.1 " text "\r\n" TEXT "Connection: close\r\n\r\n" text
#define NOT_FOUND     ERROR("404 Not Found", "19", "", "404 page not found\n")
#define CLOSE         "Connection: close\r\n"

#define SAY(conn, text)   say(conn, text, sizeof(text) - 1)
#define HEARD(conn, text) assert_heard(conn, text, sizeof(text) - 1)

#define OURS   "500 Internal Server Error"
#define THEIRS "400 Bad Request"

static UNUSED void assert_error(int conn, const char *status, const char *text)
{
    char answer[512];

    snprintf(answer, sizeof answer,
             "HTTP/1.1 %s\r\n" TEXT "X-Content-Type-Options: nosniff\r\nContent-Length: "
             "%zu\r\n\r\n%s\n",
             status, strlen(text) + 1, text);
    assert_heard_text(conn, answer);
}

#endif
