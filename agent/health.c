/* SPDX-License-Identifier: MIT */
/* The table of agents and the answer to get_health. */
#include "agent/health.h"

#include "agent/lifecycle.h"
#include "agent/services.h"
#include "platform/platform.h"

#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/* The keys and numbers around an agent's texts, and around all agents. */
#define AGENT_KEYS_MAX  80
#define HEALTH_KEYS_MAX 80
_Static_assert(HEALTH_AGENTS_MAX *(2 * HEALTH_NAME_MAX + 6 * HEALTH_ERROR_MAX + AGENT_KEYS_MAX) +
                       HEALTH_KEYS_MAX <=
                   STEREOS_REPLY_MAX,
               "the answer fits, with every byte of an error escaped to six");

static struct stereos_agent agents[HEALTH_AGENTS_MAX];
static uint32_t agent_count;
static bool troubled; /* by something that is no agent; the console knows why */

static struct stereos_agent *find(const char *name)
{
    for (uint32_t i = 0; i < agent_count; i++)
        if (strcmp(agents[i].name, name) == 0)
            return &agents[i];
    return NULL;
}

/* One that fails outweighs any that run; nothing that runs is merely ready. */
static void judge(void)
{
    bool running = false;

    if (troubled)
        return;
    for (uint32_t i = 0; i < agent_count; i++) {
        if (agents[i].error != NULL) {
            lifecycle_enter(LIFECYCLE_DEGRADED, agents[i].error);
            return;
        }
        running |= agents[i].running;
    }
    lifecycle_enter(running ? LIFECYCLE_HEALTHY : LIFECYCLE_READY,
                    running ? "agents running" : "no agent runs");
}

static int check_name(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++)
        if (name[i] < ' ' || name[i] > '~' || strchr("\"\\<>&", name[i]) != NULL)
            return MOTE_ERR_INVALID;
    return n <= HEALTH_NAME_MAX ? MOTE_OK : MOTE_ERR_TOO_LARGE;
}

int health_report(const char *name, bool running, const char *session, const char *error)
{
    struct stereos_agent *a = find(name);
    int result = check_name(name);

    if (result == MOTE_OK && session != NULL)
        result = check_name(session);
    if (result != MOTE_OK)
        return result;
    if (error != NULL && strlen(error) > HEALTH_ERROR_MAX)
        return MOTE_ERR_TOO_LARGE;
    if (a == NULL) {
        if (agent_count == HEALTH_AGENTS_MAX)
            return MOTE_ERR_NO_ROOM;
        a = &agents[agent_count++];
        a->name = name;
    } else if (running && !a->running) {
        a->restarts++;
    }
    a->running = running;
    a->session = session;
    a->error = error;
    judge();
    return MOTE_OK;
}

void health_trouble(const char *why, size_t n)
{
    troubled = n != 0;
    if (troubled)
        lifecycle_enter_bytes(LIFECYCLE_DEGRADED, why, n);
    else
        judge();
}

bool health_request(const struct request *r)
{
    struct stereos_health health = {.state = lifecycle_name(),
                                    .agents = agents,
                                    .agent_count = agent_count,
                                    .uptime_seconds = platform_now_ns() / NS_PER_S};

    stereos_write_health(r->reply, &health);
    return true;
}
