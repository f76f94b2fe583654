/* SPDX-License-Identifier: MIT */
#include "platform/linux/modules.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/sys.h"

#include <linux/module.h>

#include <stdio.h>
#include <string.h>

#define LIST "/lib/mote/modules"

/* A hundred modules with long paths; what is behind that is not read. */
#define LIST_MAX 16384

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* The kernel unpacks .xz, .zst and .gz itself where it is built to. */
static long load(const char *path)
{
    long fd = sys_open(path, O_RDONLY, 0);

    if (fd < 0)
        return fd;
    long result =
        sys_finit_module((int)fd, "", ends_with(path, ".ko") ? 0 : MODULE_INIT_COMPRESSED_FILE);
    sys_close((int)fd);
    return result == -EEXIST ? 0 : result;
}

static void load_line(char *path)
{
    if (*path == '\0' || *path == '#')
        return;
    long result = load(path);
    if (result != 0)
        printf("mote: module %s: %s\n", path, errno_text(result));
}

void modules_load(void)
{
    static char list[LIST_MAX];
    long fd = sys_open(LIST, O_RDONLY, 0);
    long n = fd < 0 ? fd : sys_read((int)fd, list, sizeof list - 1);

    sys_close((int)fd);
    if (n < 0)
        return; /* a kernel with everything built in needs no list */
    for (char *line = list, *end; line < list + n; line = end + 1) {
        end = line + strcspn(line, "\n");
        *end = '\0';
        load_line(line);
    }
}
