/* SPDX-License-Identifier: MIT */
/* What may be said on vsockd's control socket: lines in, commands or complaints out. */
#include "qemu/vsockd/command.h"
#include "tests/unit/unit.h"

static const struct {
    const char *line;
    enum command_kind kind;
    const char *fault;
    bool has_number;
    uint64_t number;
} good[] = {
    {"fault op-0 49152", COMMAND_FAULT, "op-0", true, 49152},
    {"fault rst-storm", COMMAND_FAULT, "rst-storm", false, 0},
    {"fault rx-id-past", COMMAND_FAULT, "rx-id-past", false, 0},
    {"fault stop", COMMAND_FAULT, "stop", false, 0},
    {"fault none", COMMAND_END, NULL, false, 0},
    {"event-queue 0x10cac0", COMMAND_EVENT_QUEUE, NULL, true, 0x10cac0},
    {"event-queue 1048576", COMMAND_EVENT_QUEUE, NULL, true, 1048576},
    {"reset", COMMAND_RESET, NULL, false, 0},
    {"reset 4", COMMAND_RESET, NULL, true, 4},
    {"reset 18446744073709551615", COMMAND_RESET, NULL, true, UINT64_MAX},
};

static const struct {
    const char *line;
    const char *complaint;
} bad[] = {
    {"", "not a command"},
    {"Reset", "not a command"},
    {"none", "not a command"},
    {" reset", "not a number"},
    {"fault", "too few or too many words"},
    {"fault op-0 1 2", "too few or too many words"},
    {"reset 3 4", "too few or too many words"},
    {"a b c d e f", "too few or too many words"},
    {"fault ", "no fault has this name"},
    {"fault op", "no fault has this name"},
    {"fault op-00", "no fault has this name"},
    {"fault op-0", "a port is expected"},
    {"fault rst-storm 1", "no port is expected"},
    {"fault none 1", "no port is expected"},
    {"event-queue", "an address is expected"},
    {"reset ", "not a number"},
    {"reset me", "not a number"},
    {"reset -1", "not a number"},
    {"reset 3x", "not a number"},
    {"reset 18446744073709551616", "not a number"},
};

static const char *parse(const char *line, struct command *command)
{
    static char copy[128];

    strcpy(copy, line);
    return command_parse(copy, command);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct command command;
        const char *complaint = parse(good[i].line, &command);

        if (complaint != NULL)
            fail_msg("%s: %s", good[i].line, complaint);
        assert_int_equal(command.kind, good[i].kind);
        assert_int_equal(command.has_number, good[i].has_number);
        assert_int_equal(command.number, good[i].number);
        if (good[i].fault != NULL)
            assert_string_equal(command.fault->name, good[i].fault);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct command command;
        const char *complaint = parse(bad[i].line, &command);

        if (complaint == NULL || strcmp(complaint, bad[i].complaint) != 0)
            fail_msg("\"%s\": %s", bad[i].line, complaint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
