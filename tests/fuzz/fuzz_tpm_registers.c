/* SPDX-License-Identifier: MIT */
/*
 * A TPM's registers, of both interfaces: a model that does what it should, but for what the input
 * says of each read. Time passes by the model's clock alone: no wait may hang, none may be long,
 * nothing is read or written outside of what it is, and behind all of it a command works again.
 */
#include "drivers/tpm_driver.h"
#include "platform/platform.h"
#include "tests/fuzz/fuzz.h"

#define US           UINT64_C(1000)
#define TIME         (UINT64_C(50000) * US) /* for a command */
#define LOOKS_MAX    20000u                 /* of a command: it ends */
#define ACCESSES_MAX 400u                   /* of a look: it does not wait */
#define COMMANDS     4
#define MAPS_MAX     (2 * COMMANDS + 2)
#define ANSWER_SIZE  100u

enum { CRB = 0x00025811, TIS = 0x00082100 };
enum { VALID = 0x80, READY = 0x40, GO = 0x20, AVAIL = 0x10, EXPECT = 0x08, RETRY = 0x02 };

static const uint8_t nothing;
static struct input in;
static uint64_t now;
static uint32_t accesses, interface;
static uint8_t *page; /* the registers, of exactly their size */
static struct map {
    uint8_t *memory;
    size_t len;
} maps[MAPS_MAX]; /* buffers elsewhere */
static size_t map_count;

/* The model of TIS. */
static enum { IDLE, TAKES, RECEIVES, GIVES } state;
static size_t taken, expected, given;

/* How reads are distorted, for so many of them. */
static uint8_t how;
static uint32_t times;

uint64_t platform_now_ns(void)
{
    return now;
}

struct platform_tpm platform_tpm(void)
{
    return (struct platform_tpm){.base = (uintptr_t)page};
}

void *platform_map(uint64_t phys, size_t len)
{
    CHECK(len != 0);
    if (phys == (uintptr_t)page && len == TPM_REGISTERS)
        return page;
    if (map_count == MAPS_MAX || phys % 3 == 0)
        return NULL;
    maps[map_count] = (struct map){exact(NULL, len), len};
    return maps[map_count++].memory;
}

/* --- what it should do --- */

static uint8_t answer_byte(size_t i)
{
    static const uint8_t header[] = {0x80, 1, 0, 0, 0, ANSWER_SIZE};

    return i < sizeof header ? header[i] : (uint8_t)i;
}

static uint32_t status(void)
{
    uint32_t v = 1u << 26 | 50u << 8 | VALID;

    v |= state == TAKES ? READY : 0;
    v |= state == RECEIVES && taken < expected ? EXPECT : 0;
    return v | (state == GIVES && given < ANSWER_SIZE ? AVAIL : 0);
}

static uint32_t good_tis(uint32_t offset, size_t size)
{
    uint32_t v = 0;

    if (offset == 0x00)
        return 0xa1;
    if (offset == 0x18)
        return status();
    if (offset == 0x30)
        return interface;
    CHECK(offset == 0x24 || offset == 0xf00);
    for (size_t i = 0; i < size; i++)
        v |= (uint32_t)answer_byte(given++) << (8 * i);
    return v;
}

static void take(uint8_t v)
{
    if (state == TAKES) {
        taken = 0;
        expected = SIZE_MAX;
    }
    state = RECEIVES;
    if (taken == 4)
        expected = v;
    if (taken++ == 5)
        expected = expected << 8 | v;
}

static void write_tis(uint32_t offset, uint32_t v, size_t size)
{
    if (offset == 0x24) {
        for (size_t i = 0; i < size; i++)
            take((uint8_t)(v >> (8 * i)));
    } else if (offset == 0x18) {
        CHECK(v == READY || v == GO || v == RETRY);
        state = v == READY ? TAKES : GIVES;
        given = 0;
    } else {
        CHECK(offset == 0x00 && v == 0x02);
    }
}

static uint32_t good_crb(uint32_t offset, size_t size)
{
    uint64_t at = (uintptr_t)page + 0x80;
    uint32_t v;

    switch (offset) {
    case 0x00:
        return 0x83;
    case 0x30:
        return interface;
    case 0x58:
    case 0x64:
        return TPM_REGISTERS - 0x80;
    case 0x5c:
    case 0x68:
        return (uint32_t)at;
    case 0x60:
    case 0x6c:
        return (uint32_t)(at >> 32);
    case 0x40:
    case 0x44:
    case 0x4c:
        return 0;
    }
    CHECK(offset >= 0x80);
    memcpy(&v, page + offset, size);
    return v;
}

static void write_crb(uint32_t offset, uint32_t v, size_t size)
{
    if (offset >= 0x80) {
        memcpy(page + offset, &v, size);
        return;
    }
    CHECK((offset == 0x08 && v == 1) || (offset == 0x40 && v <= 2) || (offset == 0x4c && v == 1));
    for (size_t i = 0; offset == 0x4c && i < ANSWER_SIZE; i++)
        page[0x80 + i] = answer_byte(i);
}

/* --- what it does --- */

static uint32_t distort(uint32_t v)
{
    if (times == 0) {
        how = take8(&in);
        times = how < 128 ? 1 : how < 224 ? take8(&in) : UINT32_MAX;
    }
    if (times != 0)
        times--;
    switch (how % 8) {
    case 1:
        return UINT32_MAX;
    case 2:
        return 0;
    case 3:
        return v & ~UINT32_C(0xffff00);
    case 4:
        return v | UINT32_C(0xffff00);
    case 5:
        return v ^ 1u << how / 8 % 8;
    case 6:
        return take32(&in);
    }
    return v;
}

/* Which buffer elsewhere an address lies in; NULL: none, it is a register's. */
static uint8_t *elsewhere(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < map_count; i++)
        if (at >= maps[i].memory && at < maps[i].memory + maps[i].len) {
            size_t offset = (size_t)(at - maps[i].memory);
            CHECK(offset + size <= maps[i].len);
            return maps[i].memory + offset;
        }
    CHECK(at >= page && at + size <= page + TPM_REGISTERS);
    return NULL;
}

static uint32_t read_at(const uint8_t *at, size_t size)
{
    const uint8_t *memory = elsewhere(at, size);
    uint32_t v = 0;

    now += US;
    CHECK(++accesses < ACCESSES_MAX && (uintptr_t)at % size == 0);
    if (memory != NULL)
        memcpy(&v, memory, size);
    else
        v = (interface == CRB ? good_crb : good_tis)((uint32_t)(at - page), size);
    return distort(v);
}

static void write_at(uint8_t *at, uint32_t v, size_t size)
{
    uint8_t *memory = elsewhere(at, size);

    now += US;
    CHECK(++accesses < ACCESSES_MAX && (uintptr_t)at % size == 0);
    if (memory != NULL)
        memcpy(memory, &v, size);
    else
        (interface == CRB ? write_crb : write_tis)((uint32_t)(at - page), v, size);
}

#include "tests/unit/tpm_accesses.h"

/* --- who asks --- */

static int poll_until_end(uint64_t deadline)
{
    int result;

    for (uint32_t looks = 0; accesses = 0, (result = tpm_poll()) == MOTE_ERR_AGAIN; looks++) {
        CHECK(looks < LOOKS_MAX && tpm_poll_again() <= deadline + TIME);
        if (now < tpm_poll_again())
            now = tpm_poll_again();
    }
    return result;
}

static int run(size_t n)
{
    uint8_t *buffer = exact(NULL, TPM_BUFFER_SIZE);
    uint64_t deadline = now + TIME;

    buffer[4] = (uint8_t)(n >> 8);
    buffer[5] = (uint8_t)n;
    CHECK(tpm_start(buffer, n, deadline) == MOTE_OK);
    int result = poll_until_end(deadline);
    CHECK(now < deadline + TIME);
    CHECK(result == MOTE_ERR_TIMEOUT || result == MOTE_ERR_BROKEN || result == MOTE_ERR_TOO_LARGE ||
          (result >= 10 && result <= TPM_BUFFER_SIZE));
    CHECK(result < 0 || (buffer[4] << 8 | buffer[5]) == result);
    CHECK(result >= 0 || (tpm_fault()[0] != '\0' && strlen(tpm_fault()) < 96));
    tpm_finish();
    free(buffer);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in = (struct input){&nothing, 0};
    interface = size != 0 && data[0] % 2 != 0 ? CRB : TIS;
    page = aligned_alloc(TPM_REGISTERS, TPM_REGISTERS);
    memset(page, 0, TPM_REGISTERS);
    now = US;
    state = IDLE;
    times = 0;
    accesses = 0;
    CHECK(tpm_open() != NULL);
    if (size != 0)
        in = (struct input){data, size};
    take8(&in);
    for (int i = 0; i < COMMANDS; i++)
        run(10 + take16(&in) % (TPM_BUFFER_SIZE - 9u));
    in = (struct input){&nothing, 0};
    times = 0;
    CHECK(run(200) == (int)ANSWER_SIZE);
    while (map_count != 0)
        free(maps[--map_count].memory);
    free(page);
    return 0;
}
