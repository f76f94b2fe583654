/* SPDX-License-Identifier: MIT */
/* The table of agents and the answer to get_health. */
#include "agent/health.h"

#include "agent/lifecycle.h"
#include "platform/platform.h"
#include "proto/stereos.h"

#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/* The keys and numbers around an agent's texts, and around all agents. */
#define AGENT_KEYS_MAX  64
#define HEALTH_KEYS_MAX 80
_Static_assert(HEALTH_AGENTS_MAX *(6 * (HEALTH_NAME_MAX + HEALTH_ERROR_MAX) + AGENT_KEYS_MAX) +
                       HEALTH_KEYS_MAX <=
                   STEREOS_REPLY_MAX,
               "the answer fits, with every byte escaped to six");

static struct stereos_agent agents[HEALTH_AGENTS_MAX];
static uint32_t agent_count;

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

int health_report(const char *name, bool running, const char *error)
{
    struct stereos_agent *a = find(name);

    if (strlen(name) > HEALTH_NAME_MAX || (error != NULL && strlen(error) > HEALTH_ERROR_MAX))
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
    a->error = error;
    judge();
    return MOTE_OK;
}

void health_answer(struct out *reply)
{
    stereos_write_health(reply,
                         &(struct stereos_health){.state = lifecycle_name(),
                                                  .agents = agents,
                                                  .agent_count = agent_count,
                                                  .uptime_seconds = platform_now_ns() / NS_PER_S});
}
