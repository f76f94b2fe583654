/* SPDX-License-Identifier: MIT */
#include "proto/http_parts.h"

size_t http_number(const char *s, size_t n, uint32_t base, uint64_t *value)
{
    size_t i;

    *value = 0;
    for (i = 0; i < n; i++) {
        uint32_t digit = (uint32_t)(uint8_t)s[i] - '0', letter = ((uint8_t)s[i] | 0x20u) - 'a';
        if (digit > 9)
            digit = letter < 6 ? letter + 10 : base;
        if (digit >= base)
            break;
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, digit, value))
            return 0;
    }
    return i;
}

bool http_is_word(struct bytes s, const char *word)
{
    if (s.n != strlen(word))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((s.at[i] | 0x20) != word[i])
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct bytes http_trim(struct bytes s)
{
    for (; s.n != 0 && is_blank(s.at[0]); s.n--)
        s.at++;
    while (s.n != 0 && is_blank(s.at[s.n - 1]))
        s.n--;
    return s;
}

bool http_is_clean(struct bytes line)
{
    for (size_t i = 0; i < line.n; i++)
        if (((uint8_t)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
            return false;
    return true;
}

bool http_split_field(struct bytes line, struct bytes *name, struct bytes *value, const char **rule)
{
    if (is_blank(line.at[0])) {
        *rule = "a folded header line";
        return false;
    }
    const char *colon = memchr(line.at, ':', line.n);
    *name = (struct bytes){line.at, colon != NULL ? (size_t)(colon - line.at) : 0};
    if (name->n == 0 || is_blank(colon[-1])) {
        *rule = "a header line without a name";
        return false;
    }
    *value = http_trim((struct bytes){colon + 1, line.n - name->n - 1});
    return true;
}
