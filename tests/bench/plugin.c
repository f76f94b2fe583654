/* SPDX-License-Identifier: MIT */
/*
 * A TCG plugin that counts what a guest executes, in a file that anybody may map and read while
 * the guest runs: tests/bench/count.py. Counting costs the guest no time of its own.
 *
 *   -plugin count.so,counts=PATH         instructions, in all and by translation block
 *   -plugin count.so,counts=PATH,io=on   also what is written to the notify register of a virtio
 *                                        device
 *
 * A repeated string instruction counts once for each time round, as under -icount. Debian
 * packages no header for plugins of QEMU 7.2; what is used of its interface is declared here.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_info;

enum { INLINE_ADD_U64 = 0 };
enum { CB_NO_REGS = 0 };
enum { MEM_W = 2 };

typedef void tb_callback(uint64_t id, struct qemu_plugin_tb *tb);
typedef void mem_callback(unsigned cpu, uint32_t info, uint64_t vaddr, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_callback *call);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *to,
                                              uint64_t value);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_callback *call, int flags,
                                      int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *at);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *at);
const char *qemu_plugin_hwaddr_device_name(const struct qemu_plugin_hwaddr *at);

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

int qemu_plugin_version = 1;

/* virtio-mmio's QueueNotify (virtio 1.2, 4.2.2), and where the registers of a device repeat.
 * Devices smaller than a page share one, and that has no name. */
#define MMIO_NOTIFY 0x50
#define MMIO_SIZE   0x200

#define BLOCKS_MAX (1 << 19)

/* The file. Blocks are found by their address; an unused one has no instructions. */
static struct counts {
    uint64_t instructions;
    uint64_t notifications;
    uint64_t blocks_max;
    struct block {
        uint64_t vaddr;
        uint64_t instructions; /* of one execution */
        uint64_t executions;
    } blocks[BLOCKS_MAX];
} * counts;

static bool watches_io;

/* The entry of a block; the same again when it is translated again. */
static struct block *find_block(uint64_t vaddr, uint64_t instructions)
{
    uint64_t at = vaddr * UINT64_C(0x9e3779b97f4a7c15) >> 45;

    for (size_t tried = 0; tried < BLOCKS_MAX; tried++, at++) {
        struct block *b = &counts->blocks[at % BLOCKS_MAX];

        if (b->instructions == 0)
            *b = (struct block){.vaddr = vaddr, .instructions = instructions};
        if (b->vaddr == vaddr && b->instructions == instructions)
            return b;
    }
    errx(1, "count: more than %d translation blocks", BLOCKS_MAX);
}

static bool is_notify_register(const struct qemu_plugin_hwaddr *at)
{
    const char *device = qemu_plugin_hwaddr_device_name(at);

    if (strncmp(device, "anon", strlen("anon")) == 0)
        return qemu_plugin_hwaddr_phys_addr(at) % MMIO_SIZE == MMIO_NOTIFY;
    return strncmp(device, "virtio-pci-notify", strlen("virtio-pci-notify")) == 0;
}

static void store(unsigned cpu, uint32_t info, uint64_t vaddr, void *data)
{
    const struct qemu_plugin_hwaddr *at = qemu_plugin_get_hwaddr(info, vaddr);

    (void)cpu, (void)data;
    if (at != NULL && qemu_plugin_hwaddr_is_io(at) && is_notify_register(at))
        counts->notifications++;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    struct block *b = find_block(qemu_plugin_tb_vaddr(tb), n);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &counts->instructions, n);
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &b->executions, 1);
    for (size_t i = 0; watches_io && i < n; i++)
        qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), store, CB_NO_REGS, MEM_W,
                                         NULL);
}

static void map_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || ftruncate(fd, sizeof *counts) != 0)
        err(1, "count: %s", path);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counts == MAP_FAILED)
        err(1, "count: mmap");
    close(fd);
    counts->blocks_max = BLOCKS_MAX;
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "counts=", 7) == 0)
            map_file(argv[i] + 7);
        watches_io |= strcmp(argv[i], "io=on") == 0;
    }
    if (counts == NULL)
        errx(1, "count: no counts=PATH");
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
