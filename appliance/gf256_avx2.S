/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) on bit-planes with 256-bit vectors: threaded code. The list of steps
 * is walked by jumps: each piece of code works on its step and jumps to that of
 * the next one, so that the sums of a target stay in registers over all of its
 * sources. See gf256_avx2.c for the list; the programs come from gen_gf256.py.
 *
 *	rdi	the step: its code, then what it works on
 *	rsi rdx	addresses of the targets, of the sources
 *	rcx r9	length; offset of the block
 *	rax	offset of the half of lines in turn, and BIAS
 *	r8	to work with: the address of a shard
 *	r10	begins the sums: with zeros, or with what the target holds
 *	r11	ends them: writes lines, or streams them
 *	ymm0-7	the sums; ymm8-15 to work with
 *
 * The first half of a target's lines waits on the stack for the second, so that
 * whole lines are written: streaming stores of half a line each are ruinous,
 * and the plain ones evict a source less.
 */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

#define ADD 1
#define STREAM 2
#define BLOCK 512
#define BIAS 256
#define HALF 32

#ifdef __CET__
#include <cet.h>
#define JUMP notrack jmp
#else
#define _CET_ENDBR
#define JUMP jmp
#endif

/* The step in hand is over. */
#define NEXT JUMP *(%rdi)

/* A product: r8 is set to the source. */
#define BEGIN(label) \
	.p2align 4; \
label:	movq 8(%rdi), %r8; \
	addq $16, %rdi; \
	movq (%rdx,%r8), %r8; \
	addq %rax, %r8

/* r8 is set to the target. */
#define TARGET \
	movq 8(%rdi), %r8; \
	addq $16, %rdi; \
	movq (%rsi,%r8), %r8; \
	addq %rax, %r8

#define FETCH \
	prefetcht0 BLOCK(%r8,%r9); \
	prefetcht0 BLOCK+64(%r8,%r9); \
	prefetcht0 BLOCK+128(%r8,%r9); \
	prefetcht0 BLOCK+192(%r8,%r9); \
	prefetcht0 BLOCK+256(%r8,%r9); \
	prefetcht0 BLOCK+320(%r8,%r9); \
	prefetcht0 BLOCK+384(%r8,%r9); \
	prefetcht0 BLOCK+448(%r8,%r9)

/* Begins a target's half, in two steps of the list: asks for the next block of
 * the sources between the two offsets in the second. */
#define PASS(offset) \
	leaq BLOCK(%r9), %r8; \
	cmpq %rcx, %r8; \
	jae 2f; \
	movq 16(%rdi), %rax; \
	cmpq 24(%rdi), %rax; \
	je 2f; \
1:	movq (%rdx,%rax), %r8; \
	addq $8, %rax; \
	FETCH; \
	cmpq 24(%rdi), %rax; \
	jne 1b; \
2:	leaq offset(%r9), %rax; \
	JUMP *%r10

#define TABLE \
	.section .rodata; \
	.p2align 2; \
	.globl ae_gf256_avx2_codes; \
	.hidden ae_gf256_avx2_codes; \
	.type ae_gf256_avx2_codes, @object; \
ae_gf256_avx2_codes:
#define ENTRY(label) .long label - ae_gf256_avx2_codes

	.text
	.p2align 6
	.globl ae_gf256_avx2_run
	.hidden ae_gf256_avx2_run
	.type ae_gf256_avx2_run, @function
ae_gf256_avx2_run:
	.cfi_startproc
	_CET_ENDBR
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	subq $320, %rsp
	andq $-64, %rsp
	movl %r8d, 256(%rsp)
	xorl %r9d, %r9d
	leaq .Lbegin_zero(%rip), %r10
	leaq .Lend_plain(%rip), %r11
	testl $ADD, %r8d
	jz 1f
	leaq .Lbegin_add(%rip), %r10
1:	testl $STREAM, %r8d
	jz 2f
	leaq .Lend_stream(%rip), %r11
2:	NEXT

	.p2align 4
.Lbegin_0:
	PASS(BIAS)
	.p2align 4
.Lbegin_1:
	PASS(BIAS+HALF)

	.p2align 4
.Lbegin_zero:
	addq $32, %rdi
	vpxor %xmm0, %xmm0, %xmm0
	vpxor %xmm1, %xmm1, %xmm1
	vpxor %xmm2, %xmm2, %xmm2
	vpxor %xmm3, %xmm3, %xmm3
	vpxor %xmm4, %xmm4, %xmm4
	vpxor %xmm5, %xmm5, %xmm5
	vpxor %xmm6, %xmm6, %xmm6
	vpxor %xmm7, %xmm7, %xmm7
	NEXT

	.p2align 4
.Lbegin_add:
	TARGET
	addq $16, %rdi
	vmovdqu 0-BIAS(%r8), %ymm0
	vmovdqu 64-BIAS(%r8), %ymm1
	vmovdqu 128-BIAS(%r8), %ymm2
	vmovdqu 192-BIAS(%r8), %ymm3
	vmovdqu 256-BIAS(%r8), %ymm4
	vmovdqu 320-BIAS(%r8), %ymm5
	vmovdqu 384-BIAS(%r8), %ymm6
	vmovdqu 448-BIAS(%r8), %ymm7
	NEXT

	.p2align 4
.Lend_0:
	addq $16, %rdi
	vmovdqa %ymm0, (%rsp)
	vmovdqa %ymm1, 32(%rsp)
	vmovdqa %ymm2, 64(%rsp)
	vmovdqa %ymm3, 96(%rsp)
	vmovdqa %ymm4, 128(%rsp)
	vmovdqa %ymm5, 160(%rsp)
	vmovdqa %ymm6, 192(%rsp)
	vmovdqa %ymm7, 224(%rsp)
	NEXT

	.p2align 4
.Lend_1:
	JUMP *%r11

	/* r8 is at the second halves of lines */
	.p2align 4
.Lend_plain:
	TARGET
	vmovdqa 0(%rsp), %ymm8
	vmovdqa 32(%rsp), %ymm9
	vmovdqa 64(%rsp), %ymm10
	vmovdqa 96(%rsp), %ymm11
	vmovdqa 128(%rsp), %ymm12
	vmovdqa 160(%rsp), %ymm13
	vmovdqa 192(%rsp), %ymm14
	vmovdqa 224(%rsp), %ymm15
	vmovdqu %ymm8, 0-HALF-BIAS(%r8)
	vmovdqu %ymm0, 0-BIAS(%r8)
	vmovdqu %ymm9, 64-HALF-BIAS(%r8)
	vmovdqu %ymm1, 64-BIAS(%r8)
	vmovdqu %ymm10, 128-HALF-BIAS(%r8)
	vmovdqu %ymm2, 128-BIAS(%r8)
	vmovdqu %ymm11, 192-HALF-BIAS(%r8)
	vmovdqu %ymm3, 192-BIAS(%r8)
	vmovdqu %ymm12, 256-HALF-BIAS(%r8)
	vmovdqu %ymm4, 256-BIAS(%r8)
	vmovdqu %ymm13, 320-HALF-BIAS(%r8)
	vmovdqu %ymm5, 320-BIAS(%r8)
	vmovdqu %ymm14, 384-HALF-BIAS(%r8)
	vmovdqu %ymm6, 384-BIAS(%r8)
	vmovdqu %ymm15, 448-HALF-BIAS(%r8)
	vmovdqu %ymm7, 448-BIAS(%r8)
	NEXT

	.p2align 4
.Lend_stream:
	TARGET
	vmovdqa 0(%rsp), %ymm8
	vmovdqa 32(%rsp), %ymm9
	vmovdqa 64(%rsp), %ymm10
	vmovdqa 96(%rsp), %ymm11
	vmovdqa 128(%rsp), %ymm12
	vmovdqa 160(%rsp), %ymm13
	vmovdqa 192(%rsp), %ymm14
	vmovdqa 224(%rsp), %ymm15
	vmovntdq %ymm8, 0-HALF-BIAS(%r8)
	vmovntdq %ymm0, 0-BIAS(%r8)
	vmovntdq %ymm9, 64-HALF-BIAS(%r8)
	vmovntdq %ymm1, 64-BIAS(%r8)
	vmovntdq %ymm10, 128-HALF-BIAS(%r8)
	vmovntdq %ymm2, 128-BIAS(%r8)
	vmovntdq %ymm11, 192-HALF-BIAS(%r8)
	vmovntdq %ymm3, 192-BIAS(%r8)
	vmovntdq %ymm12, 256-HALF-BIAS(%r8)
	vmovntdq %ymm4, 256-BIAS(%r8)
	vmovntdq %ymm13, 320-HALF-BIAS(%r8)
	vmovntdq %ymm5, 320-BIAS(%r8)
	vmovntdq %ymm14, 384-HALF-BIAS(%r8)
	vmovntdq %ymm6, 384-BIAS(%r8)
	vmovntdq %ymm15, 448-HALF-BIAS(%r8)
	vmovntdq %ymm7, 448-BIAS(%r8)
	NEXT

	/* the block is done: back by as many bytes as the step says */
	.p2align 4
.Lall:
	addq $BLOCK, %r9
	cmpq %rcx, %r9
	jae .Ldone
	subq 8(%rdi), %rdi
	NEXT

#include <gf256/avx2.inc>

	.text
	.p2align 4
.Ldone:
	testl $STREAM, 256(%rsp)
	jz 3f
	sfence
3:	vzeroupper
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size ae_gf256_avx2_run, . - ae_gf256_avx2_run

	.section .rodata
	ENTRY(.Lbegin_0)
	ENTRY(.Lbegin_1)
	ENTRY(.Lend_0)
	ENTRY(.Lend_1)
	ENTRY(.Lall)
	.size ae_gf256_avx2_codes, . - ae_gf256_avx2_codes

#endif
#ifdef __ELF__
	.section .note.GNU-stack, "", @progbits
#endif
