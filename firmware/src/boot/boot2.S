/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second stage of the boot ROM: 256 bytes with a CRC in the last four,
 * which scripts/image.mjs computes. It runs from RAM.
 *
 * It makes flash readable at 10000000h with command 03h, which every flash
 * has (RP2040 data sheet 4.10): one line, 32 bits at a time, clk_sys / 4.
 * That is slow, but the program copies itself to RAM and runs there.
 */
	.syntax unified
	.cpu cortex-m0plus
	.thumb
	.section .boot2, "ax"
	.global boot2
boot2:
	ldr	r0, =0x18000000		@ SSI
	movs	r1, #0
	str	r1, [r0, #0x08]		@ SSIENR: off
	movs	r1, #4
	str	r1, [r0, #0x14]		@ BAUDR
	ldr	r1, =0x001f0300		@ CTRLR0: 32 bits, EEPROM read
	str	r1, [r0, #0x00]
	movs	r1, #0
	str	r1, [r0, #0x04]		@ CTRLR1: one word
	ldr	r1, =0x03000218		@ SPI_CTRLR0: 03h, 8 bits, 24 of address
	ldr	r2, =0x180000f4
	str	r1, [r2]
	movs	r1, #1
	str	r1, [r0, #0x10]		@ SER: the flash
	str	r1, [r0, #0x08]		@ SSIENR: on
	ldr	r0, =0x10000100		@ our vector table
	ldr	r1, =0xe000ed08		@ VTOR
	str	r0, [r1]
	ldmia	r0, {r0, r1}
	msr	msp, r0
	bx	r1
	.ltorg
