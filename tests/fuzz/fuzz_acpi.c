/* SPDX-License-Identifier: MIT */
/*
 * What a VMM leaves in memory: the start info, the command line and the ACPI tables, read
 * by start_info.c, acpi.c, acpi_virtio.c and devices.c. Whatever is mapped is a copy of
 * exactly that size; nothing here runs an instruction that needs a machine.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"
#include "tests/fuzz/fuzz.h"

static uint32_t port_reads;

static void fake_out(uint16_t port, uint32_t v)
{
    (void)port;
    (void)v;
}

static uint32_t fake_in(uint16_t port)
{
    return ++port_reads % 2 != 0 ? 0x80000000u : port;
}

/* Its static state is reset between inputs, its port accesses are ours. */
#define outl fake_out
#define inl  fake_in
#include "platform/x86_64/devices.c"

#define MEMORY      UINT64_C(0x1000) /* where the input lies in physical memory */
#define BIOS        UINT64_C(0xe0000)
#define BIOS_SIZE   0x20000u
#define ISLANDS_MAX 4096
#define DEVICE_MAX  0x200000u /* of device memory that can be mapped */
#define HEADER_SIZE 36u
#define RSDP_SUMMED 20u
#define RSDP_SUM    8u
#define TABLE_SUM   9u

/* A copy that was handed out; phys keeps its place in a word, so that alignment is real. */
static struct island {
    uint8_t *memory, *at;
    uint64_t phys;
    size_t len;
} islands[ISLANDS_MAX];
static size_t island_count;

static struct input image;
static uint8_t bios_offset;

static uint8_t *new_island(uint64_t phys, size_t len)
{
    CHECK(island_count < ISLANDS_MAX); /* reading is bounded */
    struct island *i = &islands[island_count++];

    i->memory = exact(NULL, len + phys % 8);
    i->at = i->memory + phys % 8;
    i->phys = phys;
    i->len = len;
    return i->at;
}

/* The byte at a physical address. */
static uint8_t byte_at(uint64_t phys)
{
    uint64_t at = phys - MEMORY;

    if (phys >= BIOS)
        at = phys - BIOS - bios_offset * 16u;
    return at < image.left ? image.at[at] : 0;
}

/* Sums are made good, or no table would ever get past them; now and then one stays bad. */
static void mend(uint8_t *p, size_t len)
{
    uint32_t said;
    uint8_t sum = 0;
    bool rsdp = len == HEADER_SIZE && memcmp(p, "RSD PTR ", 8) == 0;

    if (len < HEADER_SIZE || len == BIOS_SIZE)
        return;
    memcpy(&said, p + 4, sizeof said);
    if (!rsdp && said != len)
        return;
    for (size_t i = 0; i < (rsdp ? RSDP_SUMMED : len); i++)
        sum = (uint8_t)(sum + p[i]);
    uint8_t *correction = &p[rsdp ? RSDP_SUM : TABLE_SUM];
    if (*correction != 0x55)
        *correction = (uint8_t)(*correction - sum);
}

/* In an address that find_rsdp() took from a copy, what counts is where the copy is from. */
static uint64_t real_address(uint64_t phys)
{
    for (size_t i = 0; i < island_count; i++)
        if (phys >= (uintptr_t)islands[i].at && phys < (uintptr_t)islands[i].at + islands[i].len)
            return islands[i].phys + (phys - (uintptr_t)islands[i].at);
    return phys;
}

const void *paging_map_memory(uint64_t phys, size_t len)
{
    phys = real_address(phys);
    uint64_t end = phys + len;
    bool bios = phys >= BIOS && end <= BIOS + BIOS_SIZE;

    if (end < phys || len == 0 || (!bios && (phys < MEMORY || end > MEMORY + image.left)))
        return NULL;
    uint8_t *copy = new_island(phys, len);
    for (size_t i = 0; i < len; i++)
        copy[i] = byte_at(phys + i);
    mend(copy, len);
    return copy;
}

void *platform_map(uint64_t phys, size_t len)
{
    if (phys + len < phys || len == 0 || len > DEVICE_MAX || phys < MEMORY)
        return NULL;
    uint8_t *device = new_island(phys & ~UINT64_C(7), len);
    uint32_t magic = VIRTIO_MAGIC;
    for (size_t i = 0; phys == MICROVM_WINDOW && i < image.left % MMIO_MAX; i++)
        memcpy(device + i * MICROVM_STRIDE, &magic, sizeof magic);
    return device;
}

static void check_options(const char *key)
{
    const char *line = platform_cmdline(), *end = line + strlen(line), *option = NULL;
    size_t len;

    CHECK(end < line + sizeof start_info.cmdline);
    while ((option = platform_option(key, option, &len)) != NULL)
        CHECK(option > line && option + len <= end && memchr(option, ' ', len) == NULL);
}

static void check_devices(void)
{
    const struct platform_mmio *list;
    size_t len, n = platform_mmio_devices(&list);

    CHECK(n <= MMIO_MAX);
    for (size_t i = 0; i < n; i++)
        CHECK(list[i].base != 0);
    platform_module(&len);
    for (uint32_t bdf = 0; bdf <= UINT16_MAX; bdf += 0xff) {
        platform_pci_write((uint16_t)bdf, 0xffff, 0);
        CHECK(platform_pci_read((uint16_t)bdf, 0xffff) == 0 || ecam == NULL ||
              (uint64_t)bdf << 12 >= acpi.ecam_size - 4096);
    }
}

/* Registers are a page; where there are none, it is told why. */
static void check_tpm(void)
{
    struct platform_tpm tpm = platform_tpm();

    CHECK(tpm.base % TPM_PAGE == 0 && (tpm.base != 0 || tpm.start_method != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image = (struct input){data, size};
    memset(&start_info, 0, sizeof start_info);
    memset(&acpi, 0, sizeof acpi);
    mmio_count = 0;
    ecam = NULL;
    has_cf8 = false;
    bios_offset = take8(&image);
    port_reads = take8(&image) % 2;
    start_info_read((uint32_t)MEMORY + take8(&image));
    acpi_read(start_info.rsdp);
    CHECK(acpi.ioapics <= 2);
    devices_find();
    check_options("virtio_mmio.device");
    check_options("a");
    check_devices();
    check_tpm();
    while (island_count != 0)
        free(islands[--island_count].memory);
    return 0;
}
