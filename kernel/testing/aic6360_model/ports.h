/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Given to aha152x.c by the compiler's -include: its port I/O and interrupt
 * go to the model. Nothing else of the driver is touched.
 */
#ifndef AIC6360_PORTS_H
#define AIC6360_PORTS_H

#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ioport.h>

/* Chip n has the ports from MODEL_PORT + n * MODEL_STEP, and interrupt n + 1 */
#define MODEL_PORT	0x340
#define MODEL_STEP	0x20
#define MODEL_CHIPS	7

u8 aic6360_inb(unsigned long port);
void aic6360_outb(u8 value, unsigned long port);
void aic6360_insw(unsigned long port, void *buf, unsigned long count);
void aic6360_outsw(unsigned long port, const void *buf, unsigned long count);
int aic6360_request_irq(unsigned int irq, irq_handler_t handler, void *cookie);
void aic6360_free_irq(unsigned int irq, void *cookie);

#ifndef AIC6360_MODEL
#undef inb
#undef outb
#undef insw
#undef outsw
#undef request_region
#undef release_region
#define inb(port)			aic6360_inb(port)
#define outb(value, port)		aic6360_outb(value, port)
#define insw(port, buf, count)		aic6360_insw(port, buf, count)
#define outsw(port, buf, count)		aic6360_outsw(port, buf, count)
#define request_irq(irq, handler, flags, name, cookie) \
	aic6360_request_irq(irq, handler, cookie)
#define free_irq(irq, cookie)		aic6360_free_irq(irq, cookie)
#define release_region(start, n)	do { } while (0)
#endif

#endif
