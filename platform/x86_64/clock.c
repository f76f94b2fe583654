/* SPDX-License-Identifier: MIT */
/*
 * Monotonic time from the TSC, and the APIC timer that ends a sleep. Both are
 * calibrated once, over one window, against the first of these that answers: the
 * hypervisor's frequency leaf, the ACPI PM timer, the PIT. With none of them the APIC
 * timer is taken at the 1 GHz that QEMU and KVM give it, and the console says so.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#include <stdio.h>

#define NS_PER_S UINT64_C(1000000000)

/* Two are long enough for 0.2 % and short enough not to matter: under -icount each ms costs
 * instructions. */
#define WINDOW_NS        UINT64_C(500000)
#define WINDOWS_MAX      16
#define PIT_HZ           UINT64_C(1193182)
#define PM_TIMER_HZ      UINT64_C(3579545)
#define APIC_ASSUMED_HZ  UINT64_C(1000000000)
#define TSC_GIVE_UP      (UINT64_C(1) << 26) /* cycles without a tick: the source is absent */
#define LEAF_HYPERVISOR  0x40000000u
#define LEAF_FREQUENCIES 0x40000010u

static struct {
    uint64_t tsc_start;
    uint64_t ns_per_tsc; /* 32.32 fixed point */
    uint64_t apic_hz;
} clock;

/* When the timer that runs will end the next sleep; 0: none runs. */
static volatile uint64_t timer_end;

/* A source waits for about WINDOW_NS and returns how long it really was; 0: it is not there. */
typedef uint64_t wait_window(void);

static uint64_t pm_timer_window(void)
{
    uint16_t port = (uint16_t)acpi.pm_timer;
    uint32_t ticks = 0, last = inl(port);
    uint64_t begin = rdtsc();

    if (port == 0)
        return 0;
    while (ticks < WINDOW_NS * PM_TIMER_HZ / NS_PER_S) {
        uint32_t now = inl(port);
        ticks += (now - last) & 0xffffff; /* 24 bits everywhere */
        last = now;
        if (ticks == 0 && rdtsc() - begin > TSC_GIVE_UP)
            return 0;
    }
    return ticks * NS_PER_S / PM_TIMER_HZ;
}

enum { PIT_CHANNEL0 = 0x40, PIT_MODE = 0x43 };

/* Channel 0: the gate of channel 2 hangs on the speaker, which microvm does not have. */
static uint16_t pit_count(void)
{
    outb(PIT_MODE, 0x00); /* latch channel 0 */
    uint8_t low = inb(PIT_CHANNEL0);
    return (uint16_t)(inb(PIT_CHANNEL0) << 8 | low);
}

static uint64_t pit_window(void)
{
    uint16_t ticks = 0;

    outb(PIT_MODE, 0x30); /* channel 0, two bytes, mode 0: counts down once */
    outb(PIT_CHANNEL0, 0xff);
    outb(PIT_CHANNEL0, 0xff);
    uint16_t first = pit_count();
    uint64_t begin = rdtsc();
    while (ticks < WINDOW_NS * PIT_HZ / NS_PER_S) {
        ticks = (uint16_t)(first - pit_count());
        if (ticks == 0 && rdtsc() - begin > TSC_GIVE_UP)
            return 0;
    }
    return ticks * NS_PER_S / PIT_HZ;
}

/* The last resort measures nothing: it lets the APIC timer itself run for the window. */
static uint64_t apic_window(void)
{
    uint32_t begin = apic_timer_count();

    while (begin - apic_timer_count() < WINDOW_NS * APIC_ASSUMED_HZ / NS_PER_S)
        ;
    return (begin - apic_timer_count()) * NS_PER_S / APIC_ASSUMED_HZ;
}

static const struct {
    const char *name;
    wait_window *wait;
} sources[] = {
    {"PM timer", pm_timer_window},
    {"PIT", pit_window},
    {"nothing: the APIC timer is taken at 1 GHz", apic_window},
};

/* VMware's leaf, which KVM has too: TSC and APIC bus in kHz. */
static bool read_frequency_leaf(uint64_t *tsc_hz)
{
    bool hypervisor = (cpuid(1, 0).ecx >> 31) != 0;

    if (!hypervisor || cpuid(LEAF_HYPERVISOR, 0).eax < LEAF_FREQUENCIES)
        return false;
    struct cpuid r = cpuid(LEAF_FREQUENCIES, 0);
    *tsc_hz = r.eax * UINT64_C(1000);
    clock.apic_hz = r.ebx * UINT64_C(1000);
    return *tsc_hz != 0 && clock.apic_hz != 0;
}

struct rates {
    uint64_t tsc_hz;
    uint64_t apic_hz;
};

/* What one window says; false when its source is not there. */
static bool measure(wait_window *wait, struct rates *rates)
{
    apic_timer_start(UINT32_MAX);
    uint64_t tsc = rdtsc();
    uint64_t ns = wait();
    tsc = rdtsc() - tsc;
    uint64_t ticks = UINT32_MAX - apic_timer_count();

    if (ns == 0)
        return false;
    *rates = (struct rates){tsc * NS_PER_S / ns, ticks * NS_PER_S / ns};
    return true;
}

/* Takes one more sight of a frequency; true when it agrees with the least so far. */
static bool refine(uint64_t *least, uint64_t seen)
{
    uint64_t high = seen > *least ? seen : *least;

    if (seen < *least)
        *least = seen;
    return high - *least <= *least / 16;
}

/*
 * A guest that is kept waiting at the edge of a window counts too much in it, never too little:
 * the least of several is right, and two that agree are enough.
 */
static bool measure_well(wait_window *wait, struct rates *least)
{
    struct rates rates;

    if (!measure(wait, least))
        return false;
    for (int i = 1; i < WINDOWS_MAX && measure(wait, &rates); i++) {
        bool tsc_agrees = refine(&least->tsc_hz, rates.tsc_hz);
        bool apic_agrees = refine(&least->apic_hz, rates.apic_hz);

        if (tsc_agrees && apic_agrees)
            break;
    }
    return true;
}

static const char *calibrate(uint64_t *tsc_hz)
{
    struct rates rates = {0};
    size_t i = 0;

    if (read_frequency_leaf(tsc_hz))
        return "CPUID";
    while (!measure_well(sources[i].wait, &rates))
        i++;
    *tsc_hz = rates.tsc_hz;
    clock.apic_hz = rates.apic_hz;
    return sources[i].name;
}

void clock_init(void)
{
    uint64_t tsc_hz, begin = rdtsc();
    const char *source = calibrate(&tsc_hz);

    apic_timer_start(0);
    clock.tsc_start = begin;
    clock.ns_per_tsc = (NS_PER_S << 32) / tsc_hz;
    printf("mote: clock: TSC %llu kHz by %s\n", (unsigned long long)(tsc_hz / 1000), source);
}

uint64_t platform_now_ns(void)
{
    return (uint64_t)((unsigned __int128)(rdtsc() - clock.tsc_start) * clock.ns_per_tsc >> 32);
}

void clock_timer_ended(void)
{
    timer_end = 0;
}

/* A timer that runs and ends early enough is left alone: each start is an exit or two. */
static void run_timer_until(uint64_t end, uint64_t now)
{
    if (timer_end != 0 && timer_end <= end)
        return;
    uint64_t count = (end - now) * (clock.apic_hz / 1000) / (NS_PER_S / 1000);
    if (count > UINT32_MAX)
        count = UINT32_MAX;
    apic_timer_start(count != 0 ? (uint32_t)count : 1);
    timer_end = end;
}

void platform_wait(uint64_t deadline_ns)
{
    uint64_t now = platform_now_ns();
    uint64_t end = now + NS_PER_S; /* no sleep is longer: a lost interrupt costs no more */

    if (end > deadline_ns)
        end = deadline_ns > now ? deadline_ns : now;
    run_timer_until(end, now);
    traps_sleep();
}
