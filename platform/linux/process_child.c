/* SPDX-License-Identifier: MIT */
#include "platform/linux/process_child.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/process_user.h"
#include "platform/linux/sys.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define PATH_SIZE 4096 /* PATH_MAX */
#define DEFAULTS  16   /* more than are ever added */
#define ENV_MAX   (PROCESS_ENV_MAX + DEFAULTS)

static const char *env[ENV_MAX + 1];

/* Through the pipe, like everything else that the program says. */
static _Noreturn void give_up(const char *what, const char *which, long error)
{
    char text[512];
    int n = snprintf(text, sizeof text, "mote: %s %.300s: %s\n", what, which, errno_text(error));

    sys_write(1, text, (size_t)n);
    sys_exit(error == -ENOENT ? PROCESS_NOT_FOUND : PROCESS_CANNOT_RUN);
}

/* Moved out of the way first: one of them may be what another is to become. */
static void connect(int output)
{
    long in = sys_open("/dev/null", O_RDONLY, 0);
    long from = sys_fcntl((int)in, F_DUPFD, 3), to = sys_fcntl(output, F_DUPFD, 3);

    sys_dup3((int)from, 0, 0);
    sys_dup3((int)to, 1, 0);
    sys_dup3((int)to, 2, 0);
    syscall3(__NR_close_range, 3, (long)~0u, 0);
}

void process_child_be_ordinary(void)
{
    long fd = sys_open("/proc/self/oom_score_adj", O_WRONLY, 0);

    sys_write((int)fd, "0", 1);
    sys_close((int)fd);
    sys_umask(022);
}

/* The value that the environment has under a name that ends with '='; NULL: none. */
static const char *value_of(const char *name)
{
    size_t n = strlen(name);

    for (const char **e = env; *e != NULL; e++)
        if (strncmp(*e, name, n) == 0)
            return *e + n;
    return NULL;
}

/* Appends an entry, unless what is there already has its name. */
static void add_default(const char *entry)
{
    char name[16] = "";
    size_t count = 0;

    memcpy(name, entry, strcspn(entry, "=") + 1);
    while (env[count] != NULL)
        count++;
    if (value_of(name) == NULL && count < ENV_MAX)
        env[count] = entry;
}

static void make_environment(const char *const *wanted, const char *const *of_user)
{
    for (size_t i = 0; wanted[i] != NULL && i < PROCESS_ENV_MAX; i++)
        env[i] = wanted[i];
    add_default("PATH=" DEFAULT_PATH);
    add_default("TERM=linux");
    for (; *of_user != NULL; of_user++)
        add_default(*of_user);
}

/* As execvp(3) goes on: what is not there may be in the next place, and one that may not be run
 * is told of only when there is no other. */
static long try_places(const char *const *command, const char *places)
{
    char path[PATH_SIZE];
    long worst = -ENOENT;

    for (size_t n; *places != '\0'; places += n + (places[n] != '\0')) {
        n = strcspn(places, ":");
        if (snprintf(path, sizeof path, "%.*s%s%s", (int)n, places, n != 0 ? "/" : "",
                     command[0]) >= (int)sizeof path)
            return -ENAMETOOLONG;
        long result = sys_execve(path, command, env);
        if (result != -ENOENT && result != -ENOTDIR && result != -EACCES)
            return result;
        if (result == -EACCES)
            worst = result;
    }
    return worst;
}

static long run(const char *const *command)
{
    if (strchr(command[0], '/') != NULL)
        return sys_execve(command[0], command, env);
    return try_places(command, value_of("PATH="));
}

void process_child(const struct process_request *request, int output)
{
    const char *const *of_user;
    const char *dir = request->dir != NULL ? request->dir : "/";
    long result;

    sys_setsid();
    connect(output);
    process_child_be_ordinary();
    if ((result = process_user_become(request->user, &of_user)) != 0)
        give_up("cannot be user", request->user, result);
    if ((result = sys_chdir(dir)) != 0)
        give_up("cannot enter", dir, result);
    make_environment(request->env, of_user);
    give_up("cannot run", request->command[0], run(request->command));
}
