/* SPDX-License-Identifier: MIT */
/*
 * The calibration of the clock on a machine in plain memory, where the guest is kept waiting at
 * any instruction that takes time: once for long, which no window may believe.
 */
#include "platform/x86_64/x86.h"

#define TSC_HZ     UINT64_C(2000000000)
#define APIC_HZ    UINT64_C(1000000000)
#define STEP_NS    500
#define STALL_NS   UINT64_C(20000000)
#define STALL_LONG UINT64_C(60000000) /* the PIT has gone round meanwhile */

struct acpi_info acpi;
static uint64_t time_ns, stall_ns;
static int steps, stall_at, latched;
static bool pit_high;

/* Every access takes a moment, and one of them long. */
static uint64_t step(void)
{
    time_ns += STEP_NS;
    if (steps++ == stall_at)
        time_ns += stall_ns;
    return time_ns;
}

static uint64_t fake_rdtsc(void)
{
    return step() * (TSC_HZ / 1000000) / 1000;
}

static uint32_t fake_inl(uint16_t port)
{
    return (uint32_t)(step() * 3579545 / 1000000000) & (port != 0 ? 0xffffff : 0);
}

static void fake_outb(uint16_t port, uint8_t value)
{
    (void)port, (void)value;
    latched = (int)(~(step() * 1193182 / 1000000000) & 0xffff);
    pit_high = false;
}

static uint8_t fake_inb(uint16_t port)
{
    (void)port;
    step();
    pit_high = !pit_high;
    return (uint8_t)(pit_high ? latched : latched >> 8);
}

static uint64_t apic_started;

static void fake_timer_start(uint32_t count)
{
    (void)count;
    apic_started = step();
}

static uint32_t fake_timer_count(void)
{
    return UINT32_MAX - (uint32_t)(step() - apic_started) * (uint32_t)(APIC_HZ / 1000000000);
}

static struct cpuid fake_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)leaf, (void)subleaf;
    return (struct cpuid){0};
}

static void fake_sleep(void)
{
}

#define platform_now_ns  clock_now_ns
#define platform_wait    clock_wait
#define rdtsc            fake_rdtsc
#define inl              fake_inl
#define inb              fake_inb
#define outb             fake_outb
#define cpuid(a, b)      fake_cpuid(a, b)
#define apic_timer_start fake_timer_start
#define apic_timer_count fake_timer_count
#define traps_sleep      fake_sleep
#include "platform/x86_64/clock.c"

#include "tests/unit/unit.h"

static void check(uint64_t hz, uint64_t true_hz)
{
    if (hz < true_hz - true_hz / 50 || hz > true_hz + true_hz / 8)
        fail_msg("%llu Hz for %llu, stalled at step %d", (unsigned long long)hz,
                 (unsigned long long)true_hz, stall_at);
}

/* A stall of a length at each step in turn, until there are no more steps. */
static void stall_everywhere(uint64_t ns)
{
    uint64_t tsc_hz;

    stall_ns = ns;
    steps = 1 << 20;
    for (stall_at = -1; stall_at < steps; stall_at++) {
        steps = 0;
        assert_non_null(calibrate(&tsc_hz));
        check(tsc_hz, TSC_HZ);
        check(clock.apic_hz, APIC_HZ);
    }
    assert_true(stall_at > 100);
}

static void test_stall_under_the_pit(void **state)
{
    (void)state;
    acpi.pm_timer = 0;
    stall_everywhere(STALL_NS);
    stall_everywhere(STALL_LONG);
}

static void test_stall_under_the_pm_timer(void **state)
{
    (void)state;
    acpi.pm_timer = 0x608;
    stall_everywhere(STALL_NS);
    stall_everywhere(STALL_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stall_under_the_pit),
        cmocka_unit_test(test_stall_under_the_pm_timer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
