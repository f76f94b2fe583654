/* SPDX-License-Identifier: MIT */
/* Where the kernel enters: the stack holds the arguments, the environment, the auxiliary vector. */
    .globl _start
    .text
_start:
    xorl %ebp, %ebp /* the outermost frame */
    movq %rsp, %rdi
    andq $-16, %rsp
    call linux_start
    hlt
    .section .note.GNU-stack, "", @progbits
