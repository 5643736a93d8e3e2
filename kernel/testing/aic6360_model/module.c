// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled bus as a module: ports, interrupts, time
 *
 * One lock for all. A port access takes it, acts, lets the bus settle, and
 * raises interrupts: in hard interrupt context (irq_work), so that whoever
 * holds a lock with interrupts off is as safe as on hardware.
 */
#define AIC6360_MODEL
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include "chip.h"
#include "disk.h"
#include "played.h"
#include "ports.h"
#include "trace.h"

/* That often in a row may a register be read in vain before the reader waits */
#define IDLE_READS	16
/* Bytes of a trace's text that is to be played */
#define PLAY_MAX	(1024 * 1024)

static unsigned int chips = 1;
module_param(chips, uint, 0444);
MODULE_PARM_DESC(chips, "adapters on the bus, 0 to 7");
static int disk_id = 2;
module_param(disk_id, int, 0444);
MODULE_PARM_DESC(disk_id, "ID of the scripted disk, -1: none");
static unsigned int disk_blocks = 8192;
module_param(disk_blocks, uint, 0444);
MODULE_PARM_DESC(disk_blocks, "its size, in blocks of 512 bytes");

/**
 * struct adapter - a chip, and the machine around it
 * @chip: the chip
 * @handler: what request_irq() got, under irq_lock
 * @cookie: its argument
 * @irq_lock: held while the handler runs
 * @work: runs the handler in interrupt context
 * @idle: reads in a row while nothing happened on the bus
 * @seen: model.changes at the last read
 */
struct adapter {
	struct chip chip;
	irq_handler_t handler;
	void *cookie;
	spinlock_t irq_lock;
	struct irq_work work;
	unsigned int idle;
	u64 seen;
};

static struct {
	spinlock_t lock;
	struct sbus bus;
	struct adapter adapter[MODEL_CHIPS];
	struct disk disk;
	struct played played;
	struct trace *recorded;
	struct hrtimer timer;
	wait_queue_head_t wait;
	u64 changes;	/* of what is on the bus */
	u32 reset_at;	/* the Nth access to a chip from now comes after a reset */
	bool late_irqs;	/* interrupts that were on their way when they were switched off */
	unsigned int handlers;	/* how many run */
	struct dentry *debugfs;
} model;

static struct adapter *by_port(unsigned long port, unsigned int *offset)
{
	unsigned long n = (port - MODEL_PORT) / MODEL_STEP;

	if (port < MODEL_PORT || n >= chips)
		return NULL;
	*offset = (port - MODEL_PORT) % MODEL_STEP;
	return &model.adapter[n];
}

/* With the lock: all that follows from a change */
static void settle(void)
{
	u64 next;
	unsigned int i;

	model.bus.now = ktime_get_ns();
	sbus_settle(&model.bus);
	next = sbus_run_timers(&model.bus);
	if (next != SBUS_NEVER)
		hrtimer_start(&model.timer, ns_to_ktime(next),
			      HRTIMER_MODE_ABS_HARD);
	for (i = 0; i < chips; i++) {
		struct adapter *adapter = &model.adapter[i];

		if (chip_irq(&adapter->chip) ||
		    (model.late_irqs && !model.handlers &&
		     chip_interrupts(&adapter->chip)))
			irq_work_queue(&adapter->work);
	}
	if (model.bus.changes != model.changes) {
		model.changes = model.bus.changes;
		if (waitqueue_active(&model.wait))
			wake_up_all(&model.wait);
	}
}

/* With the lock */
static void reset_bus(void)
{
	model.bus.faults.reset = true;
	settle();
	model.bus.faults.reset = false;
	settle();
}

/* With the lock: before a driver reads or writes registers */
static void before_access(void)
{
	if (model.reset_at && !--model.reset_at)
		reset_bus();
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	unsigned long flags;

	spin_lock_irqsave(&model.lock, flags);
	settle();
	spin_unlock_irqrestore(&model.lock, flags);
	return HRTIMER_NORESTART;
}

static void run_handler(struct irq_work *work)
{
	struct adapter *adapter = container_of(work, struct adapter, work);
	bool again;

	spin_lock(&model.lock);
	model.handlers++;
	spin_unlock(&model.lock);
	spin_lock(&adapter->irq_lock);
	if (adapter->handler)
		adapter->handler(0, adapter->cookie);
	spin_unlock(&adapter->irq_lock);
	/* level triggered */
	spin_lock(&model.lock);
	model.handlers--;
	again = adapter->handler && chip_irq(&adapter->chip);
	spin_unlock(&model.lock);
	if (again)
		irq_work_queue(work);
}

/*
 * The driver polls, with no end in sight if the other end of the bus needs
 * this processor: wait for something to happen, where that is allowed.
 */
static void wait_for_bus(u64 changes)
{
	if (preemptible())
		wait_event_timeout(model.wait,
				   READ_ONCE(model.changes) != changes, 1);
	else
		cpu_relax();
}

u8 aic6360_inb(unsigned long port)
{
	struct adapter *adapter;
	unsigned int offset;
	unsigned long flags;
	bool idle;
	u64 changes;
	u8 value;

	adapter = by_port(port, &offset);
	if (!adapter)
		return 0xff;
	spin_lock_irqsave(&model.lock, flags);
	before_access();
	value = chip_read(&adapter->chip, offset);
	settle();
	changes = model.changes;
	if (adapter->seen != changes)
		adapter->idle = 0;
	adapter->seen = changes;
	idle = ++adapter->idle > IDLE_READS;
	spin_unlock_irqrestore(&model.lock, flags);
	if (idle)
		wait_for_bus(changes);
	return value;
}
EXPORT_SYMBOL_GPL(aic6360_inb);

static void write_bytes(unsigned long port, const u8 *from, unsigned long count)
{
	struct adapter *adapter;
	unsigned int offset;
	unsigned long flags;

	adapter = by_port(port, &offset);
	if (!adapter)
		return;
	spin_lock_irqsave(&model.lock, flags);
	before_access();
	adapter->idle = 0;
	for (; count; count--)
		chip_write(&adapter->chip, offset, *from++);
	settle();
	spin_unlock_irqrestore(&model.lock, flags);
}

void aic6360_outb(u8 value, unsigned long port)
{
	write_bytes(port, &value, 1);
}
EXPORT_SYMBOL_GPL(aic6360_outb);

void aic6360_insw(unsigned long port, void *buf, unsigned long count)
{
	struct adapter *adapter;
	unsigned int offset;
	unsigned long flags;
	u8 *to = buf;

	adapter = by_port(port, &offset);
	if (!adapter)
		return;
	spin_lock_irqsave(&model.lock, flags);
	before_access();
	adapter->idle = 0;
	/* a word is two bytes of the FIFO, the lower one first */
	for (count *= 2; count; count--)
		*to++ = chip_read(&adapter->chip, offset);
	settle();
	spin_unlock_irqrestore(&model.lock, flags);
}
EXPORT_SYMBOL_GPL(aic6360_insw);

void aic6360_outsw(unsigned long port, const void *buf, unsigned long count)
{
	write_bytes(port, buf, count * 2);
}
EXPORT_SYMBOL_GPL(aic6360_outsw);

int aic6360_request_irq(unsigned int irq, irq_handler_t handler, void *cookie)
{
	struct adapter *adapter = &model.adapter[irq - 1];
	unsigned long flags;

	if (irq < 1 || irq > chips)
		return -EINVAL;
	spin_lock_irqsave(&adapter->irq_lock, flags);
	adapter->handler = handler;
	adapter->cookie = cookie;
	spin_unlock_irqrestore(&adapter->irq_lock, flags);
	return 0;
}
EXPORT_SYMBOL_GPL(aic6360_request_irq);

void aic6360_free_irq(unsigned int irq, void *cookie)
{
	struct adapter *adapter = &model.adapter[irq - 1];
	unsigned long flags;

	spin_lock_irqsave(&adapter->irq_lock, flags);
	adapter->handler = NULL;
	spin_unlock_irqrestore(&adapter->irq_lock, flags);
	irq_work_sync(&adapter->work);
}
EXPORT_SYMBOL_GPL(aic6360_free_irq);

/* Writing 1 resets the bus, as anybody on it may */
static int reset_set(void *data, u64 value)
{
	unsigned long flags;

	spin_lock_irqsave(&model.lock, flags);
	reset_bus();
	spin_unlock_irqrestore(&model.lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(reset_fops, NULL, reset_set, "%llu\n");

/* Faults that the bus reacts to at once */
static int line_get(void *fault, u64 *value)
{
	*value = *(bool *)fault;
	return 0;
}

static int line_set(void *fault, u64 value)
{
	unsigned long flags;

	spin_lock_irqsave(&model.lock, flags);
	*(bool *)fault = value;
	settle();
	spin_unlock_irqrestore(&model.lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(line_fops, line_get, line_set, "%llu\n");

/* Whether anybody has the bus */
static int busy_get(void *data, u64 *value)
{
	unsigned long flags;

	spin_lock_irqsave(&model.lock, flags);
	*value = !sbus_free(&model.bus);
	spin_unlock_irqrestore(&model.lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(busy_fops, busy_get, NULL, "%llu\n");

/* What happened on the bus; writing anything forgets it */
static int trace_show(struct seq_file *m, void *data)
{
	unsigned long flags;
	long len = -1;
	size_t size;
	char *buf;

	size = seq_get_buf(m, &buf);
	spin_lock_irqsave(&model.lock, flags);
	if (size)
		len = trace_print(model.recorded, buf, size);
	spin_unlock_irqrestore(&model.lock, flags);
	seq_commit(m, len);	/* -1: again, with more room */
	return 0;
}

static int trace_open(struct inode *inode, struct file *file)
{
	return single_open(file, trace_show, NULL);
}

static ssize_t trace_write(struct file *file, const char __user *from,
			   size_t len, loff_t *pos)
{
	unsigned long flags;

	spin_lock_irqsave(&model.lock, flags);
	trace_clear(model.recorded);
	spin_unlock_irqrestore(&model.lock, flags);
	return len;
}

static const struct file_operations trace_fops = {
	.owner = THIS_MODULE,
	.open = trace_open,
	.read = seq_read,
	.write = trace_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* Phases that the played target has before it; writing a trace begins one */
static int play_show(struct seq_file *m, void *data)
{
	unsigned long flags;
	u32 left;

	spin_lock_irqsave(&model.lock, flags);
	left = played_left(&model.played);
	spin_unlock_irqrestore(&model.lock, flags);
	seq_printf(m, "%u\n", left);
	return 0;
}

static int play_open(struct inode *inode, struct file *file)
{
	return single_open(file, play_show, NULL);
}

static int play_text(const char *text, size_t len)
{
	struct trace *trace = vzalloc(sizeof(*trace));
	const struct trace *old = trace;
	const char *why = NULL;
	unsigned long flags;
	unsigned int line;
	int ret = -EINVAL;

	if (!trace)
		return -ENOMEM;
	line = trace_parse(trace, text, len);
	if (!line)
		why = played_refuses(trace);
	if (line) {
		pr_err("play: line %u is wrong\n", line);
	} else if (why) {
		pr_err("play: %s cannot be played\n", why);
	} else {
		ret = -EBUSY;
		spin_lock_irqsave(&model.lock, flags);
		old = model.played.trace;
		if (played_start(&model.played, trace))
			ret = 0;
		else
			old = trace;
		settle();
		spin_unlock_irqrestore(&model.lock, flags);
	}
	vfree(old);
	return ret;
}

static ssize_t play_write(struct file *file, const char __user *from,
			  size_t len, loff_t *pos)
{
	char *text;
	int ret;

	if (len > PLAY_MAX)
		return -EFBIG;
	text = vmemdup_user(from, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	ret = play_text(text, len);
	kvfree(text);
	return ret ?: len;
}

static const struct file_operations play_fops = {
	.owner = THIS_MODULE,
	.open = play_open,
	.read = seq_read,
	.write = play_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static void show(void)
{
	struct dentry *dir = debugfs_create_dir("aic6360_model", NULL);

	model.debugfs = dir;
	debugfs_create_u64("arbitration_ns", 0644, dir,
			   &model.bus.arbitration_ns);
	debugfs_create_u64("arbitrations", 0444, dir, &model.bus.arbitrations);
	debugfs_create_u64("contended", 0444, dir, &model.bus.contended);
	debugfs_create_u64("bytes", 0444, dir, &model.bus.bytes);
	debugfs_create_u64("data_bytes", 0444, dir, &model.bus.data_bytes);
	debugfs_create_file_unsafe("busy", 0444, dir, NULL, &busy_fops);
	debugfs_create_u32("parity_at", 0644, dir, &model.bus.faults.parity_at);
	debugfs_create_u32("request_at", 0644, dir,
			   &model.bus.faults.request_at);
	debugfs_create_u32("stall_at", 0644, dir, &model.bus.faults.stall_at);
	debugfs_create_u8("stall_id", 0644, dir, &model.bus.faults.stall_id);
	debugfs_create_u64("byte_ns", 0644, dir, &model.bus.faults.byte_ns);
	debugfs_create_file_unsafe("stalled", 0644, dir,
				   &model.bus.faults.stalled, &line_fops);
	debugfs_create_file_unsafe("stuck", 0644, dir, &model.bus.faults.stuck,
				   &line_fops);
	debugfs_create_file_unsafe("reset", 0200, dir, NULL, &reset_fops);
	debugfs_create_u32("reset_at", 0644, dir, &model.reset_at);
	debugfs_create_bool("late_irqs", 0644, dir, &model.late_irqs);
	debugfs_create_file("trace", 0644, dir, NULL, &trace_fops);
	debugfs_create_file("play", 0644, dir, NULL, &play_fops);
	if (disk_id < 0)
		return;
	debugfs_create_bool("disk_disconnects", 0644, dir,
			    &model.disk.disconnects);
	debugfs_create_bool("disk_sync", 0644, dir, &model.disk.sync);
	debugfs_create_u32("disk_sense_busy", 0644, dir,
			   &model.disk.sense_busy);
	debugfs_create_u64("disk_busy_ns", 0644, dir, &model.disk.busy_ns);
	debugfs_create_u64("disk_commands", 0444, dir, &model.disk.commands);
}

static int __init model_init(void)
{
	unsigned int i;
	u8 *store;

	if (chips > MODEL_CHIPS || disk_id > 7)
		return -EINVAL;
	model.recorded = vzalloc(sizeof(*model.recorded));
	if (!model.recorded)
		return -ENOMEM;
	spin_lock_init(&model.lock);
	init_waitqueue_head(&model.wait);
	hrtimer_init(&model.timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	model.timer.function = tick;
	sbus_init(&model.bus);
	model.bus.trace = model.recorded;
	played_init(&model.played);
	sbus_attach(&model.bus, &model.played.dev);
	for (i = 0; i < chips; i++) {
		struct adapter *adapter = &model.adapter[i];

		spin_lock_init(&adapter->irq_lock);
		init_irq_work(&adapter->work, run_handler);
		chip_init(&adapter->chip, 7 - i);
		sbus_attach(&model.bus, &adapter->chip.dev);
	}
	if (disk_id >= 0) {
		store = vzalloc(array_size(disk_blocks, DISK_BLOCK));
		if (!store) {
			vfree(model.recorded);
			return -ENOMEM;
		}
		disk_init(&model.disk, disk_id, store, disk_blocks);
		sbus_attach(&model.bus, &model.disk.dev);
	}
	show();
	return 0;
}

static void __exit model_exit(void)
{
	unsigned int i;

	debugfs_remove(model.debugfs);
	hrtimer_cancel(&model.timer);
	for (i = 0; i < chips; i++)
		irq_work_sync(&model.adapter[i].work);
	vfree(model.disk.store);
	vfree(model.played.trace);
	vfree(model.recorded);
}

module_init(model_init);
module_exit(model_exit);
MODULE_DESCRIPTION("AIC-6360 SCSI chips on one modelled bus, for tests");
MODULE_LICENSE("GPL");
