/* SPDX-License-Identifier: MIT */
#include "platform/linux/life.h"

#include "platform/linux/clock.h"
#include "platform/linux/console.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/events.h"
#include "platform/linux/options.h"
#include "platform/linux/place.h"
#include "platform/linux/signals.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"
#include "platform/tool.h"

#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void); /* the agent's */

const char platform_name[] = "Linux x86_64";

#define STANDARD_ERROR 2

static const char *const *environment;
static bool init;

bool life_is_init(void)
{
    return init;
}

const char *const *life_environment(void)
{
    return environment;
}

/* The kernel shall end anybody before us, and keep what we touch in memory: our pages may hold
 * a secret. Without the right to, a service runs as any other. */
static void stay_in_memory(void)
{
    static const char never[] = "-1000";
    long fd = sys_open("/proc/self/oom_score_adj", O_WRONLY, 0);

    sys_write((int)fd, never, sizeof never - 1);
    sys_close((int)fd);
    sys_mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
    sys_prctl(PR_SET_DUMPABLE, 0);
}

/* Events and signals; without them there is no agent. */
static void begin_events(void)
{
    long result = events_start();

    if (result == 0)
        result = signals_start();
    if (result == 0)
        return;
    printf("mote: epoll, signalfd: %s: this kernel is too small\n", errno_text(result));
    platform_exit(EXIT_FAILED);
}

static void begin_service(char *const *words)
{
    console_use(STANDARD_ERROR);
    if (options_from_arguments(words) != 0 || !service_can_end())
        sys_exit(EXIT_USAGE);
    console_leave_line();
    sys_prctl(PR_SET_CHILD_SUBREAPER, 1); /* what workloads leave behind comes to us */
}

void life_run(char **arguments, const char *const *env, const void *vdso)
{
    char **words = arguments[0] != NULL ? arguments + 1 : arguments;

    environment = env;
    init = sys_getpid() == 1;
    clock_start(vdso);
    if (!init) {
        int status = tool_run(arguments);
        if (status >= 0)
            sys_exit(status);
        begin_service(words);
    }
    if (init)
        init_begin(); /* first: without a console nothing has the numbers 0 to 2 yet */
    begin_events();
    place_begin();
    stay_in_memory();
    platform_exit(main());
}

void platform_exit(int status)
{
    if (init)
        init_end(status);
    service_end(status);
}

void platform_panic(const char *file, int line, const char *what)
{
    printf("\nmote: panic: %s:%d: %s\n", file, line, what);
    platform_exit(EXIT_PANIC);
}

/* The C library's way out of an assertion. */
void abort(void)
{
    PANIC("abort");
}

/* A configuration comes as a file or from the host; no VMM hands one over. */
const void *platform_module(size_t *len)
{
    *len = 0;
    return NULL;
}

int platform_entropy(void *buf, size_t n)
{
    return sys_getrandom(buf, n, GRND_NONBLOCK) == (long)n ? MOTE_OK : MOTE_ERR_NO_ENTROPY;
}
