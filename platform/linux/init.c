/* SPDX-License-Identifier: MIT */
/*
 * The first process: what a kernel alone lacks until programs can run. One step after the
 * other, each of which may fail on its own: what can be served is served.
 */
#include "platform/linux/life.h"

#include "platform/linux/console.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/modules.h"
#include "platform/linux/options.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/mount.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/sockios.h>

#include <stdio.h>
#include <string.h>

#define NAME_MAX 64 /* __NEW_UTS_LEN */

#define NOBODY          (-1)
#define STANDARD_OUTPUT 1

static const struct base_mount {
    const char *type;
    const char *path;
    unsigned long flags;
    const char *options;
    bool unless_before; /* a second choice, for what the one above it could not do */
} base_mounts[] = {
    {"devtmpfs", "/dev", MS_NOSUID, "mode=0755", false},
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666", false},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", false},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", false},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777", false},
    {NULL, "/run/stereos", 0, NULL, false},
    /* Secrets never reach a swap: tmpfs can promise that since Linux 6.4, ramfs always could,
     * but it knows no bound. */
    {"tmpfs", "/run/stereos/secrets", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=16m,noswap",
     false},
    {"ramfs", "/run/stereos/secrets", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700", true},
};

static bool is_mount_point(const char *path)
{
    char above[64];
    struct statx here, there;

    snprintf(above, sizeof above, "%s/..", path);
    return sys_statx(AT_FDCWD, path, 0, &here) == 0 && sys_statx(AT_FDCWD, above, 0, &there) == 0 &&
           (here.stx_dev_major != there.stx_dev_major || here.stx_dev_minor != there.stx_dev_minor);
}

/* 0, also when something is mounted there already; -errno. */
static long mount_base(const struct base_mount *m)
{
    long made = sys_mkdirat(AT_FDCWD, m->path, 0755);

    if (m->type == NULL)
        return made == -EEXIST ? 0 : made;
    if (is_mount_point(m->path))
        return 0;
    long result = sys_mount(m->type, m->path, m->type, m->flags, m->options);
    return result == -EBUSY ? 0 : result;
}

static void mount_all(void)
{
    long before = 0;

    for (size_t i = 0; i < sizeof base_mounts / sizeof base_mounts[0]; i++) {
        const struct base_mount *m = &base_mounts[i], *next = m + 1;
        bool has_second = i + 1 < sizeof base_mounts / sizeof base_mounts[0] && next->unless_before;
        if (m->unless_before && before == 0)
            continue;
        before = mount_base(m);
        if (before != 0 && !has_second)
            printf("mote: mount %s: %s\n", m->path, errno_text(before));
    }
}

static void link_devices(void)
{
    sys_symlink("/proc/self/fd", "/dev/fd");
    sys_symlink("/proc/self/fd/0", "/dev/stdin");
    sys_symlink("/proc/self/fd/1", "/dev/stdout");
    sys_symlink("/proc/self/fd/2", "/dev/stderr");
}

/* From the command line, /etc/hostname, or simply mote. */
static void name_machine(void)
{
    char name[NAME_MAX] = "mote";
    size_t len;
    const char *option = platform_last_option("mote.hostname", &len);
    long fd = sys_open("/etc/hostname", O_RDONLY, 0);

    if (option == NULL && sys_read((int)fd, name, sizeof name) > 0)
        name[strcspn(name, "\n")] = '\0';
    sys_close((int)fd);
    option = option != NULL ? option : name;
    len = strnlen(option, NAME_MAX);
    sys_sethostname(option, len);
}

/* The part of struct ifreq that counts here; the kernel's header asks for a C library's. */
struct interface_request {
    char name[16];
    short flags;
    char rest[22];
};
#define IFF_UP 1

static void raise_loopback(void)
{
    struct interface_request request = {.name = "lo"};
    long fd = sys_socket(AF_INET, SOCK_DGRAM);

    if (fd < 0)
        return; /* a kernel without a network needs none */
    if (sys_ioctl((int)fd, SIOCGIFFLAGS, &request) == 0) {
        request.flags |= IFF_UP;
        sys_ioctl((int)fd, SIOCSIFFLAGS, &request);
    }
    sys_close((int)fd);
}

/* What the kernel takes as random; it asks the processor first and by itself. */
static void feed_entropy(void)
{
    struct {
        int bits;
        int size;
        uint8_t bytes[64];
    } pool = {0};
    uint8_t probe;

    if (sys_getrandom(&probe, 1, GRND_NONBLOCK) == 1)
        return;
    long from = sys_open("/dev/hwrng", O_RDONLY | O_NONBLOCK, 0);
    long to = sys_open("/dev/urandom", O_WRONLY, 0);
    long n = sys_read((int)from, pool.bytes, sizeof pool.bytes);
    pool.size = n > 0 ? (int)n : 0;
    pool.bits = pool.size * 8;
    if (n <= 0 || sys_ioctl((int)to, RNDADDENTROPY, &pool) != 0)
        printf("mote: entropy: the kernel has none yet, and no device gives any\n");
    explicit_bzero(&pool, sizeof pool);
    sys_close((int)from);
    sys_close((int)to);
}

void init_begin(void)
{
    mount_base(&base_mounts[0]); /* the console's device; if it fails, mount_all() tells */
    mount_base(&base_mounts[1]); /* and what says which line it may not be */
    console_use(NOBODY);
    options_from_kernel(); /* for that alone: what is wrong with them is said below */
    console_use(STANDARD_OUTPUT);
    const char *console = console_open();
    mount_all();
    options_from_kernel();
    if (console == NULL || strcmp(console, "/dev/console") != 0)
        printf("mote: no /dev/console; what is said goes to %s\n",
               console != NULL ? console : "nobody");
    link_devices();
    modules_load();
    name_machine();
    raise_loopback();
    feed_entropy();
    /* ctrl-alt-del becomes our SIGINT */
    sys_reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF);
}
