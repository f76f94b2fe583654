/* SPDX-License-Identifier: MIT */
/*
 * Where hosts may mount: any bytes as a path through mount_share(). What reaches the platform is
 * clean, what a simple cleaner makes of it, and neither at nor below a directory of the system.
 */
#include "agent/health.h"
#include "agent/services.h"
#include "platform/mount.h"
#include "tests/fuzz/fuzz.h"

static const char *const protected[] = {
    "/nix", "/etc", "/bin", "/boot", "/dev", "/proc", "/sys", "/run",
};

static char attempted[STEREOS_PATH_MAX + 2];

static bool is_at_or_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);

    return strncmp(path, directory, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

int mount_attempt(int owner, const struct mount_request *r, const char **fault)
{
    char below[STEREOS_PATH_MAX + 16];

    (void)owner;
    CHECK(strlen(r->path) <= STEREOS_PATH_MAX + 1 && r->allowed(r->path, strlen(r->path)));
    strcpy(attempted, r->path);
    for (size_t i = 0; i < COUNT(protected); i++) {
        int n = snprintf(below, sizeof below, "%s%s", protected[i], r -> path);
        CHECK(!r->allowed(below, (size_t)n) && !r->allowed(below, strlen(protected[i])));
    }
    *fault = "of the test";
    return MOTE_ERR_UNSUPPORTED;
}

void health_trouble(const char *what, size_t len)
{
    (void)what, (void)len;
    CHECK(false); /* nothing was tried */
}

/* Takes the last component off; the root has none. */
static void drop_last(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash != NULL)
        *slash = '\0';
}

/* Component by component; "" is the root. Destroys path. */
static void clean(char *path, char *dst)
{
    *dst = '\0';
    for (char *rest, *c = strtok_r(path, "/", &rest); c != NULL; c = strtok_r(NULL, "/", &rest)) {
        if (strcmp(c, "..") == 0)
            drop_last(dst);
        else if (strcmp(c, ".") != 0)
            strcat(strcat(dst, "/"), c);
    }
}

static void check_clean(const char *path)
{
    size_t n = strlen(path);

    CHECK(n > 1 && path[0] == '/' && path[n - 1] != '/');
    CHECK(strstr(path, "//") == NULL && strstr(path, "/./") == NULL &&
          strstr(path, "/../") == NULL);
    CHECK(strcmp(path + n - 2, "/.") != 0 && (n < 3 || strcmp(path + n - 3, "/..") != 0));
    for (size_t i = 0; i < COUNT(protected); i++)
        CHECK(!is_at_or_below(path, protected[i]));
}

static bool may_mount(const char *path)
{
    for (size_t i = 0; i < COUNT(protected); i++)
        if (is_at_or_below(path, protected[i]))
            return false;
    return *path != '\0';
}

/* Asks for a mount; true when the platform was asked, for the path in attempted. */
static bool share(struct text path)
{
    char text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    union payload payload = {.mount = {{"tag", 3}, path, {"9p", 2}, false}};

    attempted[0] = '\0';
    CHECK(mount_share(&(struct request){.payload = &payload, .error = &error}));
    CHECK(error.len != 0);
    return attempted[0] != '\0';
}

/* A path without a NUL goes where the cleaner says, and that is as clean as can be. */
static void check_path(struct text text, char *path)
{
    static char wanted[STEREOS_PATH_MAX + 2], json[6 * STEREOS_PATH_MAX + 2];
    struct out o = out_to(json, sizeof json);
    bool is_absolute = *path == '/';

    clean(path, wanted);
    CHECK(share(text) == (is_absolute && may_mount(wanted)));
    if (attempted[0] == '\0')
        return;
    check_clean(attempted);
    CHECK(strcmp(attempted, wanted) == 0);
    out_json_string(&o, wanted, strlen(wanted));
    CHECK(share((struct text){json + 1, (uint32_t)o.len - 2}) && strcmp(attempted, wanted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char json[6 * STEREOS_PATH_MAX + 2], path[STEREOS_PATH_MAX + 1];
    struct out o = out_to(json, sizeof json);

    out_json_string(&o, (const char *)data, size < STEREOS_PATH_MAX ? size : STEREOS_PATH_MAX);
    struct text text = {json + 1, (uint32_t)o.len - 2};
    if (!text_fits(text, STEREOS_PATH_MAX))
        return 0; /* it is refused before */
    size_t n = text_copy(text, path, STEREOS_PATH_MAX);
    path[n] = '\0';
    if (strlen(path) == n)
        check_path(text, path);
    else if (share(text)) /* what held the NUL was cleaned away */
        check_clean(attempted);
    return 0;
}
