/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/base64.h: texts with what Go's encoding/base64 says of them, in pieces cut at
 * every place; and against a plain reading of RFC 4648, every group of up to three bytes, and
 * every text of up to four characters of an alphabet that has one of each kind.
 */
#include "proto/base64.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT_MAX     64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What came of a text: its bytes and -1, or the offset to tell. */
struct outcome {
    int64_t illegal;
    size_t len;
    uint8_t bytes[TEXT_MAX];
};

/* Decodes a text in two pieces, each to memory of the size that the contract asks for. */
static struct outcome decode(const char *text, size_t n, size_t cut)
{
    struct base64_decoder d = {0};
    struct outcome o = {.illegal = -1};
    const size_t ends[] = {cut, n};

    for (size_t i = 0, at = 0; i < COUNT(ends); at = ends[i++]) {
        size_t len = ends[i] - at;
        uint8_t *room = malloc(len / 4 * 3 + 3);
        char *piece = malloc(len != 0 ? len : 1);
        memcpy(piece, text + at, len);
        long got = base64_decode(&d, piece, len, room);
        assert_true(got >= -1 && got <= (long)(len / 4 * 3 + 3));
        if (got >= 0)
            memcpy(o.bytes + o.len, room, (size_t)got);
        free(room);
        free(piece);
        if (got < 0)
            return (struct outcome){.illegal = (int64_t)d.at};
        o.len += (size_t)got;
    }
    assert_int_equal(d.at, n);
    return base64_end(&d) ? o : (struct outcome){.illegal = (int64_t)d.at};
}

static void assert_decoded(const char *text, size_t n, const char *bytes, size_t len)
{
    for (size_t cut = 0; cut <= n; cut++) {
        struct outcome o = decode(text, n, cut);
        assert_int_equal(o.illegal, -1);
        assert_int_equal(o.len, len);
        assert_memory_equal(o.bytes, bytes, len);
    }
}

static void assert_encoded(const char *bytes, size_t n, const char *text)
{
    char *room = malloc(base64_size(n) != 0 ? base64_size(n) : 1);

    assert_int_equal(base64_size(n), strlen(text));
    assert_int_equal(base64_encode(room, bytes, n), strlen(text));
    assert_memory_equal(room, text, strlen(text));
    free(room);
}

/* RFC 4648 section 10, and what the peers send. */
static const struct {
    const char *bytes, *text;
} both[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"hi", "aGk="},
    {"\xff\xef\xbe\xfb\xff", "/+++"
                             "+/8="},
};

static void test_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(both); i++) {
        const char *text = both[i].text;
        size_t n = strlen(text);
        assert_encoded(both[i].bytes, strlen(both[i].bytes), text);
        assert_decoded(text, n, both[i].bytes, strlen(both[i].bytes));
        while (n > 0 && text[n - 1] == '=')
            n--;
        assert_decoded(text, n, both[i].bytes, strlen(both[i].bytes));
    }
}

/* A TPMT_PUBLIC begins so, and goes on with zeros. */
static void test_start_of_an_endorsement_key(void **state)
{
    static const char public[] = "\x00\x01\x00\x0b\x00\x03\x00\xb2\x00\x20\x83\x71\x97\x67\x44";
    (void)state;
    assert_encoded(public, 15, "AAEACwADALIAIINxl2dE");
    assert_decoded("AAEACwADALIAIINxl2dE", 20, public, 15);
    assert_int_equal(base64_size(314), 420);
}

static const struct {
    const char *text, *bytes;
    int64_t illegal; /* -1: it is legal */
} rows[] = {
    /* line ends count for nothing, wherever they are */
    {"\n", "", -1},
    {"Zm\r\n9v\nYg\r=\n=\r\n", "foob", -1},
    {"Zm9v\nYmE\n", "fooba", -1},
    {"Z\nm\n8\n=\n", "fo", -1},
    /* nor do bits that are no byte's */
    {"Zh==", "f", -1},
    {"Zm9=", "fo", -1},
    {"Zh", "f", -1},
    /* what Go says of the others */
    {"!", NULL, 0},
    {"not base64!", NULL, 3},
    {"Zm9v YmFy", NULL, 4},
    {"Zm9v\tYmFy", NULL, 4},
    {"Zm9-", NULL, 3},
    {"Zm9_", NULL, 3},
    {"=", NULL, 0},
    {"Z=", NULL, 1},
    {"Z===", NULL, 1},
    {"Zg=", NULL, 3},
    {"Zg=\n", NULL, 4},
    {"Zg=Z", NULL, 2},
    {"Zg=\nZ", NULL, 3},
    {"Zg=!", NULL, 2},
    {"Zg==Z", NULL, 4},
    {"Zg===", NULL, 4},
    {"Zg==\n\n!", NULL, 6},
    {"Zm8=Zm8=", NULL, 4},
    {"Zm9v=", NULL, 4},
    {"Z", NULL, 0},
    {"Zm9vZ", NULL, 4},
    {"Zm9v\nZ\n", NULL, 6},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = strlen(rows[i].text);
        if (rows[i].illegal < 0)
            assert_decoded(rows[i].text, n, rows[i].bytes, strlen(rows[i].bytes));
        for (size_t cut = 0; cut <= n; cut++)
            assert_int_equal(decode(rows[i].text, n, cut).illegal, rows[i].illegal);
    }
}

/* The characters of a group, digit by digit. */
static void spell(uint32_t bits, size_t n, char text[4])
{
    for (size_t i = 0; i < 4; i++)
        text[i] = i <= n ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
}

static void test_every_group(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        for (uint32_t v = 0; v < UINT32_C(1) << (8 * n); v++) {
            uint32_t bits = v << (24 - 8 * n);
            uint8_t bytes[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
            struct base64_decoder d = {0};
            char text[4], wanted[4];
            uint8_t back[6];
            spell(bits, n, wanted);
            if (base64_encode(text, bytes, n) != 4 || memcmp(text, wanted, 4) != 0 ||
                base64_decode(&d, text, 4, back) != (long)n || memcmp(back, bytes, n) != 0 ||
                !base64_end(&d))
                fail_msg("%zu bytes, %06x", n, bits);
        }
    }
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

/* The reference: the text without its line ends is digits and, if any, padding to a whole group;
 * returns the bytes, or -1. */
static long read_plainly(const char *text, size_t n, uint8_t *bytes)
{
    size_t len = 0, pads = 0;
    uint32_t bits = 0, count = 0;

    for (size_t i = 0; i < n; i++) {
        const char *digit = text[i] != '\0' ? strchr(alphabet, text[i]) : NULL;
        if (is_line_end(text[i]))
            continue;
        if (text[i] == '=') {
            pads++;
            continue;
        }
        if (digit == NULL || pads != 0)
            return -1;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        count++;
        if (count % 4 != 1)
            bytes[len++] = (uint8_t)(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0));
    }
    bool padded = pads == 0 || (pads < 3 && (count + pads) % 4 == 0);
    return count % 4 != 1 && padded ? (long)len : -1;
}

static void assert_as_plainly(const char *text, size_t n)
{
    struct base64_decoder d = {0};
    uint8_t wanted[TEXT_MAX], got[TEXT_MAX];
    long len = read_plainly(text, n, wanted), had = base64_decode(&d, text, n, got);
    bool whole = had >= 0 && base64_end(&d);

    if (whole != (len >= 0) || (whole && (had != len || memcmp(got, wanted, (size_t)len) != 0)))
        fail_msg("%zu characters: %.*s", n, (int)n, text);
    assert_true(d.at <= n);
}

/* Every character at each of four places, beside every two of the kinds that there are. */
static void test_every_character(void **state)
{
    static const char kinds[] = "Az9+/=\n\r-";
    char text[4];
    (void)state;
    for (unsigned c = 0; c < 256; c++)
        for (size_t place = 0; place < 4; place++)
            for (size_t k = 0; k < 9 * 9 * 9; k++) {
                const char others[] = {kinds[k % 9], kinds[k / 9 % 9], kinds[k / 81]};
                for (size_t i = 0, next = 0; i < 4; i++)
                    text[i] = i == place ? (char)c : others[next++];
                for (size_t n = place + 1; n <= 4; n++)
                    assert_as_plainly(text, n);
            }
}

/* Every text of up to nine characters of five kinds: two groups and what may follow. */
static void test_every_short_text(void **state)
{
    static const char kinds[] = "Bf=\n!";
    char text[9];
    (void)state;
    for (size_t n = 0, texts = 1; n <= sizeof text; n++, texts *= 5)
        for (size_t k = 0; k < texts; k++) {
            for (size_t i = 0, rest = k; i < n; i++, rest /= 5)
                text[i] = kinds[rest % 5];
            assert_as_plainly(text, n);
        }
}

/* A text may be decoded where it stands. */
static void test_in_place(void **state)
{
    struct base64_decoder d = {0};
    char text[] = "Zm9vYmFyZm9vYmE=";
    (void)state;
    assert_int_equal(base64_decode(&d, text, 16, text), 11);
    assert_memory_equal(text, "foobarfooba", 11);
    assert_true(base64_end(&d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_start_of_an_endorsement_key),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_every_group),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_every_short_text),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
