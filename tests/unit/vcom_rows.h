/* SPDX-License-Identifier: MIT */
/* What EVE's server of JSON takes for a request of the EK, and what not; each row is one read. */
#ifndef TESTS_UNIT_VCOM_ROWS_H
#define TESTS_UNIT_VCOM_ROWS_H

#include "proto/vcom_serve.h"

#define ASKED VCOM_JSON_REQUEST

struct vcom_row {
    const char *read;
    size_t n; /* 0: strlen() of it */
    bool is_taken;
};

static const struct vcom_row vcom_rows[] = {
    {ASKED, 0, true},
    {ASKED "\n", 0, true},
    {ASKED "  \r\n\t ", 0, true},
    {" \n" ASKED, 0, true},
    {"{\n  \"channel\": 2,\n  \"request\": 1\n}\n", 0, true},
    {"{\"request\":1,\"channel\":2}", 0, true},
    {"{\"CHANNEL\":2,\"Request\":1}", 0, true},
    {"{\"channel\":2,\"request\":1,\"x\":[{\"channel\":1}],\"ek\":null}", 0, true},
    {"{\"channel\":7,\"request\":0,\"channel\":2,\"request\":1}", 0, true},
    {"{\"channel\":2,\"request\":1,\"request\":null}", 0, true},
    {"{\"ch\\u0061nnel\":2,\"request\":1}", 0, true},
    {ASKED ASKED, 0, false},
    {ASKED "\n" ASKED, 0, false},
    {"{\"channel\":2", 0, false},
    {"{", 0, false},
    {" ", 0, false},
    {"null", 0, false},
    {"{}", 0, false},
    {"[]", 0, false},
    {"[" ASKED "]", 0, false},
    {"\""
     "x\"",
     0, false},
    {"2", 0, false},
    {"-1", 0, false},
    {"true", 0, false},
    {"false", 0, false},
    {"{\"channel\":1,\"request\":1}", 0, false},
    {"{\"channel\":4294967295}", 0, false},
    {"{\"channel\":4294967298,\"request\":1}", 0, false},
    {"{\"channel\":-2,\"request\":1}", 0, false},
    {"{\"channel\":2.0,\"request\":1}", 0, false},
    {"{\"channel\":2,\"request\":1.0}", 0, false},
    {"{\"channel\":2e0,\"request\":1}", 0, false},
    {"{\"channel\":2,\"request\":1e0}", 0, false},
    {"{\"channel\":\"2\",\"request\":1}", 0, false},
    {"{\"channel\":2,\"request\":\"1\"}", 0, false},
    {"{\"channel\":2,\"request\":-1}", 0, false},
    {"{\"channel\":2,\"request\":null}", 0, false},
    {"{\"channel\":2}", 0, false},
    {"{\"request\":1}", 0, false},
    {"{\"channel\":2,\"request\":0}", 0, false},
    {"{\"channel\":2,\"request\":2}", 0, false},
    {"{\"channel\":2,\"request\":4294967297}", 0, false},
    {"{\"channel\":\"x\",\"channel\":2,\"request\":1}", 0, false},
    {"\xef\xbb\xbf" ASKED, 0, false},
    {ASKED "\0", sizeof ASKED, false},
    {ASKED "x", 0, false},
    {"{'channel':2,'request':1}", 0, false},
};

#define VCOM_ROWS (sizeof vcom_rows / sizeof vcom_rows[0])

static inline size_t vcom_row_size(const struct vcom_row *row)
{
    return row->n != 0 ? row->n : strlen(row->read);
}

#endif
