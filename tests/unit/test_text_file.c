/* SPDX-License-Identifier: MIT */
/* Small files: whole, or not at all and why. */
#include "platform/text_file.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static char path[256]; /* beside the program */

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_whole_or_not(void **state)
{
    char text[8] = "";
    const char *fault = "";
    (void)state;
    write_file("");
    assert_int_equal(text_file_read(path, text, sizeof text, &fault), 0);
    write_file("12345678");
    assert_int_equal(text_file_read(path, text, sizeof text, &fault), 8);
    assert_memory_equal(text, "12345678", 8);
    assert_string_equal(fault, "");
    write_file("123456789");
    assert_int_equal(text_file_read(path, text, sizeof text, &fault), MOTE_ERR_TOO_LARGE);
    assert_string_equal(fault, "file too large");
    strcat(path, "/x");
    assert_int_equal(text_file_read(path, text, sizeof text, &fault), MOTE_ERR_IO);
    assert_string_equal(fault, "not a directory");
    path[strlen(path) - 2] = '\0';
    assert_int_equal(text_file_read("/", text, sizeof text, &fault), MOTE_ERR_IO);
    assert_string_equal(fault, "is a directory");
    remove(path);
    assert_int_equal(text_file_read(path, text, sizeof text, &fault), MOTE_ERR_NOT_FOUND);
    assert_string_equal(fault, "no such file or directory");
}

int main(int argc, char **argv)
{
    (void)argc;
    snprintf(path, sizeof path, "%.200s.text", argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
