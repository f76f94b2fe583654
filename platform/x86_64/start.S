/* SPDX-License-Identifier: MIT */
/*
 * The PVH entry: from 32-bit protected mode without paging, with the address of
 * struct hvm_start_info in EBX, to boot_main() in long mode. ESP is unusable on
 * entry and EAX is not to be trusted (microvm leaves a multiboot magic in it).
 *
 * The identity map is made here, page by page, from the table `ranges`: only what
 * stands there is mapped, so page zero and the guard pages below the stacks are not,
 * nothing is both writable and executable, and no device is reachable yet.
 */
#define PRESENT 1
#define WRITE   2
#define NX      0x80000000 /* in the upper half of an entry */

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18        /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   pvh_start

        .section .rodata.start, "a"
        .balign 4
ranges: /* first page, end, lower and upper half of the entries' flags */
        .long   0x1000, 0x100000, PRESENT, NX   /* what the VMM left for us to read */
        .long   __text_start, __text_end, PRESENT, 0
        .long   __rodata_start, __rodata_end, PRESENT, NX
        .long   __data_start, __data_end, PRESENT | WRITE, NX
        .long   exception_stack, exception_stack_top, PRESENT | WRITE, NX
        .long   stack, stack_top, PRESENT | WRITE, NX
        .long   __page_tables, __page_tables_end, PRESENT | WRITE, NX
        .long   0

        .section .text.start, "ax"
        .code32
        .global pvh_start
pvh_start:
        cld
        cli
        movl    $stack_top, %esp
        movl    %ebx, %ebp      /* start_info */
        movl    $__bss_start, %edi
        movl    $__bss_end, %ecx
        call    zero
        movl    $__page_tables, %edi
        movl    $__page_tables_end, %ecx
        call    zero

        /* PML4 -> PDPT -> PD -> one page table for each 2 MiB up to the image's end */
        movl    $page_pml4, %edi
        movl    $(page_pdpt + PRESENT + WRITE), (%edi)
        movl    $page_pdpt, %edi
        movl    $(page_directory + PRESENT + WRITE), (%edi)
        movl    $page_directory, %edi
        movl    $(__image_tables + PRESENT + WRITE), %eax
1:      movl    %eax, (%edi)
        addl    $8, %edi
        addl    $0x1000, %eax
        cmpl    $__image_tables_end, %eax
        jb      1b

        movl    $ranges, %esi
2:      movl    (%esi), %eax    /* page */
        testl   %eax, %eax
        jz      4f
3:      movl    %eax, %edi
        shrl    $9, %edi        /* page number * 8 */
        addl    $__image_tables, %edi
        movl    %eax, %edx
        orl     8(%esi), %edx
        movl    %edx, (%edi)
        movl    12(%esi), %edx
        movl    %edx, 4(%edi)
        addl    $0x1000, %eax
        cmpl    4(%esi), %eax
        jb      3b
        addl    $16, %esi
        jmp     2b

        /* SeaBIOS leaves the memory map in page zero: readable behind the image. */
4:      movl    $__image_end, %edi
        shrl    $9, %edi
        addl    $__image_tables, %edi
        movl    $PRESENT, (%edi)
        movl    $NX, 4(%edi)

        movl    $page_pml4, %eax
        movl    %eax, %cr3
        movl    %cr4, %eax
        orl     $0x620, %eax    /* PAE; OSFXSR and OSXMMEXCPT: the C library may use SSE */
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $0x900, %eax    /* EFER: LME, NXE */
        wrmsr
        movl    %cr0, %eax
        andl    $~4, %eax       /* EM */
        orl     $0x80010002, %eax /* PG, WP (read only counts for us too), MP */
        movl    %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $start64

/* Zeroes [%edi, %ecx) by words; both are multiples of 4. */
zero:
        subl    %edi, %ecx
        shrl    $2, %ecx
        xorl    %eax, %eax
        rep stosl
        ret

        .code64
start64:
        movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        movl    $stack_top, %esp
        movl    %ebp, %edi
        xorl    %ebp, %ebp
        call    boot_main
        ud2

        .section .data.gdt, "aw"
        .balign 16
        .global gdt
gdt:    .quad   0
        .quad   0x00af9b000000ffff      /* 8: 64-bit code */
        .quad   0x00cf93000000ffff      /* 16: data */
        .quad   0, 0                    /* 24: the TSS, filled by traps_init() */
        .global gdt_pointer
gdt_pointer:
        .word   . - gdt - 1
        .quad   gdt

/*
 * Exceptions: a stub each brings the frames to one shape and passes it on. They all
 * run on a stack of their own, because the fault may be that the other is used up.
 */
        .section .text.traps, "ax"
        .macro  stub vector
        .balign 16
        .if     (\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17) || \
                (\vector == 21) || (\vector == 29) || (\vector == 30)
        .else
        pushq   $0                      /* no error code of the processor's */
        .endif
        pushq   $\vector
        jmp     exception
        .endm

        .balign 16
        .global exception_stubs
exception_stubs:
        .altmacro
        .set    n, 0
        .rept   32
        stub    %n
        .set    n, n + 1
        .endr

exception:
        pushq   %r15
        pushq   %r14
        pushq   %r13
        pushq   %r12
        pushq   %r11
        pushq   %r10
        pushq   %r9
        pushq   %r8
        pushq   %rbp
        pushq   %rdi
        pushq   %rsi
        pushq   %rdx
        pushq   %rcx
        pushq   %rbx
        pushq   %rax
        movq    %rsp, %rdi
        cld
        andq    $~15, %rsp
        call    traps_exception
        ud2

        .section .stacks, "aw", @nobits
        .balign 4096
        .skip   4096                    /* guard */
        .global exception_stack, exception_stack_top, stack, stack_top
exception_stack:
        .skip   EXCEPTION_STACK_SIZE
exception_stack_top:
        .skip   4096                    /* guard */
stack:
        .skip   STACK_SIZE
stack_top:

        .section .page_tables, "aw", @nobits
        .balign 4096
        .global page_pml4, page_pdpt, page_directory
page_pml4:      .skip 4096
page_pdpt:      .skip 4096
page_directory: .skip 4096

        .section .note.GNU-stack, "", @progbits
