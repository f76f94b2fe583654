/* SPDX-License-Identifier: MIT */
/*
 * Exceptions end the guest: registers on the console, then EXIT_EXCEPTION. Interrupts, of
 * the timer and of devices, do nothing but wake the loop out of platform_wait().
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#include <stdio.h>

#define EXCEPTIONS 32
#define VECTORS    48

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t zero;
};

/* What start.S pushes, in memory order. */
struct trap_frame {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct interrupt_frame;

extern const uint8_t exception_stubs[];
extern uint8_t exception_stack_top[];
extern uint64_t gdt[];
_Noreturn void traps_exception(const struct trap_frame *f);

enum { GATE_INTERRUPT = 0x8e, STUB_SIZE = 16, SELECTOR_CODE = 8, SELECTOR_TSS = 24 };

static struct gate idt[VECTORS];

static struct {
    uint32_t reserved;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed)) tss;

static void set_gate(int vector, uintptr_t handler, uint8_t ist)
{
    idt[vector] = (struct gate){.offset_low = (uint16_t)handler,
                                .selector = SELECTOR_CODE,
                                .ist = ist,
                                .type = GATE_INTERRUPT,
                                .offset_middle = (uint16_t)(handler >> 16),
                                .offset_high = (uint32_t)(handler >> 32)};
}

__attribute__((interrupt)) static void wake(struct interrupt_frame *f)
{
    (void)f;
    apic_end_of_interrupt();
}

__attribute__((interrupt)) static void timer(struct interrupt_frame *f)
{
    (void)f;
    clock_timer_ended();
    apic_end_of_interrupt();
}

/* A spurious interrupt wants no end-of-interrupt. */
__attribute__((interrupt)) static void spurious(struct interrupt_frame *f)
{
    (void)f;
}

static void load_tss(void)
{
    uint64_t base = (uintptr_t)&tss;

    tss.ist[0] = (uintptr_t)exception_stack_top;
    tss.io_map = sizeof tss;
    gdt[3] = (sizeof tss - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 |
             (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;
    __asm__ volatile("lgdt gdt_pointer; ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
}

void traps_init(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof idt - 1, (uintptr_t)idt};

    for (int i = 0; i < EXCEPTIONS; i++)
        set_gate(i, (uintptr_t)exception_stubs + (uintptr_t)(i * STUB_SIZE), 1);
    set_gate(VECTOR_WAKE, (uintptr_t)wake, 0);
    set_gate(VECTOR_TIMER, (uintptr_t)timer, 0);
    set_gate(VECTOR_SPURIOUS, (uintptr_t)spurious, 0);
    load_tss();
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void traps_exception(const struct trap_frame *f)
{
    static bool again;
    uint64_t cr2;

    __asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
    if (again) /* the report itself faulted: say nothing more */
        platform_exit(EXIT_EXCEPTION);
    again = true;
    printf("\nmote: exception %u, error 0x%llx, at rip=0x%llx, cr2=0x%llx\n", (unsigned)f->vector,
           (unsigned long long)f->error, (unsigned long long)f->rip, (unsigned long long)cr2);
    const uint64_t *reg = &f->rax;
    static const char names[15][4] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
                                      "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (int i = 0; i < 15; i++)
        printf("%3s %016llx%c", names[i], (unsigned long long)reg[i], i % 4 == 3 ? '\n' : ' ');
    printf("rsp %016llx\nrflags %08llx cs %04llx ss %04llx\n", (unsigned long long)f->rsp,
           (unsigned long long)f->rflags, (unsigned long long)f->cs, (unsigned long long)f->ss);
    platform_exit(EXIT_EXCEPTION);
}

/*
 * Interrupts are open here and nowhere else: one that came meanwhile is pending and ends the
 * hlt at once (sti takes effect behind it). So none ever finds a secret in the registers,
 * which it would leave on the stack.
 */
void traps_sleep(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}
