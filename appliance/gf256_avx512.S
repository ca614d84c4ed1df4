/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) on bit-planes with 512-bit vectors: threaded code, as gf256_avx2.S,
 * but whole lines, and two targets at once. A product of the first takes the
 * source's eight lines into registers, one of the second finds them there.
 *
 *	rdi	the step: its code, then 8 times a shard's number
 *	rsi rdx	addresses of the targets, of the sources
 *	rcx r9	length; offset of the block
 *	r8	to work with: the address of a shard
 *	zmm0-7	the sums of the first target; zmm8-15 of the second
 *	zmm16-23	the source; zmm24-31 to work with
 */
#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

#define ADD 1
#define STREAM 2
#define BLOCK 512

#ifdef __CET__
#include <cet.h>
#define JUMP notrack jmp
#else
#define _CET_ENDBR
#define JUMP jmp
#endif

/* The step in hand is over. */
#define NEXT JUMP *(%rdi)

/* Sets r8 to the block of a shard, one of the array. */
#define SHARD(array) \
	movq 8(%rdi), %r8; \
	addq $16, %rdi; \
	movq (array,%r8), %r8; \
	addq %r9, %r8

#define LINES(name, r0, r1, r2, r3, r4, r5, r6, r7) \
	name 0(%r8), r0; \
	name 64(%r8), r1; \
	name 128(%r8), r2; \
	name 192(%r8), r3; \
	name 256(%r8), r4; \
	name 320(%r8), r5; \
	name 384(%r8), r6; \
	name 448(%r8), r7

#define STORE(name, r0, r1, r2, r3, r4, r5, r6, r7) \
	name r0, 0(%r8); \
	name r1, 64(%r8); \
	name r2, 128(%r8); \
	name r3, 192(%r8); \
	name r4, 256(%r8); \
	name r5, 320(%r8); \
	name r6, 384(%r8); \
	name r7, 448(%r8)

#define CLEAR(r) vpxorq r, r, r

/* What is done with the sums of a target: begun with zeros, with what it
 * holds; ended plainly, past the caches. */
#define SUMS(which, r0, r1, r2, r3, r4, r5, r6, r7) \
	.p2align 4; \
.Lzero_##which: \
	addq $16, %rdi; \
	CLEAR(r0); \
	CLEAR(r1); \
	CLEAR(r2); \
	CLEAR(r3); \
	CLEAR(r4); \
	CLEAR(r5); \
	CLEAR(r6); \
	CLEAR(r7); \
	NEXT; \
	.p2align 4; \
.Ladd_##which: \
	SHARD(%rsi); \
	LINES(vmovdqu64, r0, r1, r2, r3, r4, r5, r6, r7); \
	NEXT; \
	.p2align 4; \
.Lplain_##which: \
	SHARD(%rsi); \
	STORE(vmovdqu64, r0, r1, r2, r3, r4, r5, r6, r7); \
	NEXT; \
	.p2align 4; \
.Lstream_##which: \
	SHARD(%rsi); \
	STORE(vmovntdq, r0, r1, r2, r3, r4, r5, r6, r7); \
	NEXT

/* The product of the first target with a source, which it takes in. */
#define BEGIN_A(label) \
	.p2align 4; \
label:	SHARD(%rdx); \
	LINES(vmovdqu64, %zmm16, %zmm17, %zmm18, %zmm19, %zmm20, %zmm21, \
	      %zmm22, %zmm23)

/* The product of the second target with the same source. */
#define BEGIN_B(label) \
	.p2align 4; \
label:	addq $16, %rdi

#define TABLE \
	.section .rodata; \
	.p2align 2; \
	.globl ae_gf256_avx512_codes; \
	.hidden ae_gf256_avx512_codes; \
	.type ae_gf256_avx512_codes, @object; \
ae_gf256_avx512_codes:
#define ENTRY(label) .long label - ae_gf256_avx512_codes

	.text
	.p2align 6
	.globl ae_gf256_avx512_run
	.hidden ae_gf256_avx512_run
	.type ae_gf256_avx512_run, @function
ae_gf256_avx512_run:
	.cfi_startproc
	_CET_ENDBR
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	subq $48, %rsp
	movl %r8d, -40(%rbp)
	xorl %r9d, %r9d
	leaq .Lzero_a(%rip), %r10
	leaq .Lzero_b(%rip), %r11
	testl $ADD, %r8d
	jz 1f
	leaq .Ladd_a(%rip), %r10
	leaq .Ladd_b(%rip), %r11
1:	movq %r10, -8(%rbp)
	movq %r11, -16(%rbp)
	leaq .Lplain_a(%rip), %r10
	leaq .Lplain_b(%rip), %r11
	testl $STREAM, %r8d
	jz 2f
	leaq .Lstream_a(%rip), %r10
	leaq .Lstream_b(%rip), %r11
2:	movq %r10, -24(%rbp)
	movq %r11, -32(%rbp)
	NEXT

	.p2align 4
.Lbegin_a:
	JUMP *-8(%rbp)
	.p2align 4
.Lbegin_b:
	JUMP *-16(%rbp)
	.p2align 4
.Lend_a:
	JUMP *-24(%rbp)
	.p2align 4
.Lend_b:
	JUMP *-32(%rbp)

	SUMS(a, %zmm0, %zmm1, %zmm2, %zmm3, %zmm4, %zmm5, %zmm6, %zmm7)
	SUMS(b, %zmm8, %zmm9, %zmm10, %zmm11, %zmm12, %zmm13, %zmm14, %zmm15)

	/* the first target has a 0 there, the second has not */
	BEGIN_A(.Ltake)
	NEXT

	/* the block is done: back by as many bytes as the step says */
	.p2align 4
.Lall:
	addq $BLOCK, %r9
	cmpq %rcx, %r9
	jae .Ldone
	subq 8(%rdi), %rdi
	NEXT

#include <gf256/avx512.inc>

	.text
	.p2align 4
.Ldone:
	testl $STREAM, -40(%rbp)
	jz 3f
	sfence
3:	vzeroupper
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size ae_gf256_avx512_run, . - ae_gf256_avx512_run

	.section .rodata
	ENTRY(.Lbegin_a)
	ENTRY(.Lbegin_b)
	ENTRY(.Lend_a)
	ENTRY(.Lend_b)
	ENTRY(.Lall)
	.size ae_gf256_avx512_codes, . - ae_gf256_avx512_codes

#endif
#ifdef __ELF__
	.section .note.GNU-stack, "", @progbits
#endif
