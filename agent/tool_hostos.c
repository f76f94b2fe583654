/* SPDX-License-Identifier: MIT */
/* mote hostos: what a guest of the Internet Computer may ask of its host. */
#include "agent/hostos.h"
#include "agent/tool.h"
#include "platform/platform.h"

#define ALWAYS (TOOL_BIT(TOOL_PORT) | TOOL_BIT(TOOL_TIMEOUT) | TOOL_BIT(TOOL_LEGACY))

static const struct tool_command commands[] = {
    {"attach-hsm", "", "have the HSM attached to this guest", ALWAYS, 0, HOSTOS_ATTACH_HSM},
    {"detach-hsm", "", "have it detached", ALWAYS, 0, HOSTOS_DETACH_HSM},
    {"get-hostos-version", "", "print the HostOS' version", ALWAYS, 0, HOSTOS_GET_VERSION},
    {"get-vsock-protocol", "", "print the protocol's", ALWAYS, 0, HOSTOS_GET_PROTOCOL},
    {"upgrade", "", "have the HostOS upgraded and restarted",
     ALWAYS | TOOL_BIT(TOOL_URL) | TOOL_BIT(TOOL_HASH), TOOL_BIT(TOOL_URL) | TOOL_BIT(TOOL_HASH),
     HOSTOS_UPGRADE},
    {"notify", "MESSAGE", "have a message on the host's console", ALWAYS | TOOL_BIT(TOOL_COUNT), 0,
     HOSTOS_NOTIFY},
    {"start-upgrade-guest-vm", "", "have the upgrade VM started", ALWAYS, 0,
     HOSTOS_START_UPGRADE_VM},
    {"set-node-id", "ID", "name the node, on hosts of 2023 and 2024", ALWAYS, 0,
     HOSTOS_SET_NODE_ID},
};

int tool_hostos_print(const struct client *c)
{
    struct bytes version = hostos_version(c);
    int status = EXIT_OK;

    if (version.n != 0)
        status = tool_print(version.at, version.n);
    return version.n != 0 && status == EXIT_OK ? tool_print("\n", 1) : status;
}

int tool_hostos(char *const *words)
{
    struct tool_words w;
    int status;
    const struct tool_command *command =
        tool_words_of(&w, "hostos", commands, sizeof commands / sizeof commands[0], words, &status);
    char text[CLIENT_ERROR_MAX];
    struct out error = out_to(text, sizeof text);

    if (command == NULL)
        return status;
    const struct hostos_request r = {
        .command = (enum hostos_command)command->what,
        .url = tool_bytes(w.text[TOOL_URL]),
        .hash = tool_bytes(w.text[TOOL_HASH]),
        .message = tool_bytes(w.word[0]),
        .node_id = tool_bytes(w.word[0]),
        .count = tool_has(&w, TOOL_COUNT) ? w.number[TOOL_COUNT] : 1,
        .port = w.number[TOOL_PORT],
        .legacy = tool_has(&w, TOOL_LEGACY),
    };
    struct client *c = tool_dial(&error) ? hostos_begin(&r, &error) : NULL;
    status = tool_finish(c, w.number[TOOL_TIMEOUT], NULL, &error);
    return status == EXIT_OK ? tool_hostos_print(c) : status;
}
