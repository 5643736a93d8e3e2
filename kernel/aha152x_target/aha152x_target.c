// SPDX-License-Identifier: GPL-2.0-only
/*
 * Target mode of the Adaptec AHA-152x (AIC-6260/6360): a fabric of the Linux
 * target core. It needs an aha152x that has struct aha152x_target.
 *
 *   t=/sys/kernel/config/target/aha152x/host3/tpgt_1	# adapter scsi3
 *   mkdir -p $t/lun/lun_0; ln -s .../core/... $t/lun/lun_0/port
 *   echo 1 >$t/enable
 *
 * Sections are those of SCSI-2 (X3.131-1994). An initiator has one untagged
 * command for each LUN; tags are rejected. A connection is handled in one go,
 * by the driver's bottom half, which may sleep: from the selection to the
 * command, which goes to the target core. What that has to say within LINGER_US
 * is said in the same connection, the rest after DISCONNECT and reselection.
 *
 * Locks: port->lock guards @ready, @command and what commands are in. It is
 * taken inside of the adapter's lock (pending()), and outside of none.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <scsi/scsi.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_base.h>
#include <target/target_core_fabric.h>
#include "aha152x.h"

#define IDS		8	/* on the bus */
#define LUNS		8	/* IDENTIFY has three bits for them */
#define HOST_FIFO	128	/* bytes, of the adapter */
#define REQUEST_US	5000000	/* an initiator answers a REQ within that time */
#define POLL_US		20
#define LINGER_US	2000	/* that long we wait for the target core */
#define SENSE		18	/* bytes of sense data that we keep */
#define MESSAGES	16	/* bytes of the longest message we take */

/* SDTR, 6.6.21: what the adapter can, in ticks of 50 ns (SCSIRATE) */
#define SYNC_TICKS_MIN	4
#define SYNC_TICKS_MAX	9
#define SYNC_OFFSET	8

static bool fifo = true;
module_param(fifo, bool, 0644);
MODULE_PARM_DESC(fifo, "data through the FIFO; 0: each byte by itself");

struct target_port;

/**
 * struct target_command - one command, or task management
 * @se: the target core's part
 * @port: where it came in
 * @initiator: who sent it, 0 to 7
 * @lun: for which LUN, 0 to 7
 * @link: in port->ready
 * @ref: the target core's, and that of the connection that attends to it
 * @said: it has come into port->ready, or is released
 * @data: it is to transfer its data
 * @status: it is to send its status
 * @dead: aborted or reset: nothing of it goes over the bus any more
 * @reset: it is no command, but the reset of a LUN
 * @sense: sense data, 8.2.14
 * @cdb: as received
 */
struct target_command {
	struct se_cmd se;
	struct target_port *port;
	u8 initiator;
	u8 lun;
	struct list_head link;
	struct kref ref;
	struct completion said;
	bool data, status, dead, reset;
	u8 sense[TRANSPORT_SENSE_BUFFER];
	u8 cdb[16];
};

/**
 * struct target_port - an adapter as a target
 * @tpg: the portal group in configfs
 * @wwn: the folder around it
 * @shost: the adapter
 * @tgt: where it meets us
 * @ports: its first I/O port
 * @session: one for each ID while it is enabled
 * @enabled: takes commands
 * @lock: see the top
 * @ready: commands that have something to say, each in turn
 * @command: what is being executed, by initiator and LUN
 * @sense: kept for REQUEST SENSE, by initiator and LUN; length 0: none
 * @reselecting: whom pending() named last
 * @initiator: the other end of the connection
 * @identify: the IDENTIFY message, 0: none
 * @tag: of the last command
 * @resetting: how many LUN resets the target core has not finished. It would
 *	abort what comes meanwhile, and nobody would hear of that.
 * @name: "host3"
 */
struct target_port {
	struct se_portal_group tpg;
	struct se_wwn wwn;
	struct Scsi_Host *shost;
	struct aha152x_target *tgt;
	unsigned long ports;
	struct se_session *session[IDS];
	bool enabled;
	spinlock_t lock;
	struct list_head ready;
	struct target_command *command[IDS][LUNS];
	struct {
		u8 length;
		u8 data[SENSE];
	} sense[IDS][LUNS];
	int reselecting;
	u8 initiator;
	u8 identify;
	u64 tag;
	atomic_t resetting;
	char name[16];
};

/* aha152x.h's registers are relative to these */
#define HOSTIOPORT0	(port->ports)
#define HOSTIOPORT1	(port->ports)

static struct target_command *to_command(struct se_cmd *se)
{
	return container_of(se, struct target_command, se);
}

/* ---- the bus: what follows runs while a connection is ours ---- */

/* The bus is not ours any more: reset, or the adapter has lost it */
static bool lost(struct target_port *port)
{
	return GETPORT(SSTAT1) & (SCSIRSTI | BUSFREE);
}

static int wait_for(struct target_port *port, unsigned long reg, u8 bits)
{
	u8 value;
	int ret;

	ret = read_poll_timeout(GETPORT, value,
				(value & bits) || lost(port),
				POLL_US, REQUEST_US, false, reg);
	return ret ? ret : value & bits ? 0 : -ECONNRESET;
}

static void set_phase(struct target_port *port, u8 phase)
{
	/* the last byte's ACK has gone: 6.1.5.1 */
	u8 value;

	read_poll_timeout(GETPORT, value, !(value & SIG_ACKI), POLL_US,
			  REQUEST_US, false, SCSISIG);
	SETPORT(SCSISIG, phase | SIG_BSYO);
}

/* Bytes by automatic PIO, one REQ each */
static int receive(struct target_port *port, u8 phase, u8 *buf, u32 len)
{
	int ret = 0;

	set_phase(port, phase);
	while (len-- && !ret) {
		SETPORT(SXFRCTL0, CH1 | SPIOEN);
		ret = wait_for(port, SSTAT0, SPIORDY);
		/* or reading it would ask for another */
		SETPORT(SXFRCTL0, CH1);
		*buf++ = GETPORT(SCSIDAT);
		if (!ret && TESTHI(SSTAT1, SCSIPERR))
			ret = -EIO;
	}
	SETPORT(SSTAT1, CLRSCSIPERR);
	return ret;
}

static int send(struct target_port *port, u8 phase, const u8 *buf, u32 len)
{
	int ret = 0;

	set_phase(port, phase);
	SETPORT(SXFRCTL0, CH1 | SPIOEN);
	while (len-- && !ret) {
		ret = wait_for(port, SSTAT0, SPIORDY);
		if (!ret)
			SETPORT(SCSIDAT, *buf++);
	}
	if (!ret)	/* the last one has arrived */
		ret = wait_for(port, SSTAT0, SPIORDY);
	SETPORT(SXFRCTL0, CH1);
	return ret;
}

static int send_message(struct target_port *port, u8 message)
{
	return send(port, P_MSGI, &message, 1);
}

static void leave_bus(struct target_port *port)
{
	u8 value;

	read_poll_timeout(GETPORT, value, !(value & SIG_ACKI), POLL_US,
			  REQUEST_US, false, SCSISIG);
	SETPORT(SCSISIG, 0);
}

/*
 * The counter counts up, and the transfer stops where it wraps (SDONE), with
 * SWRAPEN in SXFRCTL1 off
 */
static void fifo_begin(struct target_port *port, u8 direction, u32 len)
{
	SETPORT(DMACNTRL0, direction | RSTFIFO);
	SETPORT(DMACNTRL0, direction | ENDMA);
	SETPORT(SXFRCTL0, CH1 | CLRCH1 | CLRSTCNT);
	SETPORT(SSTAT0, CLRSDONE | CLRSWRAP);
	SETSTCNT(-len);
	SETPORT(SXFRCTL0, CH1 | SCSIEN | DMAEN);
}

static void fifo_end(struct target_port *port)
{
	SETPORT(SXFRCTL0, CH1 | CLRCH1 | CLRSTCNT);
	SETPORT(SXFRCTL0, CH1);
	SETPORT(SSTAT0, CLRSDONE | CLRSWRAP);
	SETPORT(DMACNTRL0, 0);
}

static void fifo_get(struct target_port *port, u8 *buf, u32 len)
{
	insw(DATAPORT, buf, len / 2);
	if (len & 1) {
		SETPORT(DMACNTRL0, ENDMA | _8BIT);
		buf[len - 1] = GETPORT(DATAPORT);
		SETPORT(DMACNTRL0, ENDMA);
	}
}

static void fifo_put(struct target_port *port, const u8 *buf, u32 len)
{
	outsw(DATAPORT, buf, len / 2);
	if (len & 1) {
		SETPORT(DMACNTRL0, WRITE_READ | ENDMA | _8BIT);
		SETPORT(DATAPORT, buf[len - 1]);
		SETPORT(DMACNTRL0, WRITE_READ | ENDMA);
	}
}

/* Bytes that the FIFO has, or has room for: at least one, or an error */
static int fifo_ready(struct target_port *port, bool in)
{
	u8 value;
	int ret;

	if (in) {
		ret = wait_for(port, DMASTAT, DFIFOEMP);
		return ret ? ret : HOST_FIFO;
	}
	ret = read_poll_timeout(GETPORT, value,
				(value & DFIFOFULL) || lost(port) ||
				(GETPORT(SSTAT0) & SDONE),
				POLL_US, REQUEST_US, false, DMASTAT);
	if (ret)
		return ret;
	if (value & DFIFOFULL)
		return HOST_FIFO;
	/* the last of it: also what is still before the host's FIFO */
	ret = wait_for(port, SSTAT2, SEMPTY);
	if (ret)
		return ret;
	value = GETPORT(FIFOSTAT);
	return value ? value : -ECONNRESET;
}

/* 6.1.5.3 */
static int data_phase(struct target_port *port, struct target_command *cmd)
{
	bool in = cmd->se.data_direction == DMA_FROM_DEVICE;
	u32 left = cmd->se.data_length;
	struct sg_mapping_iter miter;
	int ret = 0;

	if (!left)
		return 0;
	SETRATE(port->tgt->syncrate[port->initiator]);
	set_phase(port, in ? P_DATAI : P_DATAO);
	if (fifo)
		fifo_begin(port, in ? WRITE_READ : 0, left);
	sg_miter_start(&miter, cmd->se.t_data_sg, cmd->se.t_data_nents,
		       in ? SG_MITER_FROM_SG : SG_MITER_TO_SG);
	while (left && ret >= 0 && sg_miter_next(&miter)) {
		u32 here = min_t(u32, miter.length, left), done = 0;
		u8 *at = miter.addr;

		if (!fifo) {
			ret = in ? send(port, P_DATAI, at, here) :
				   receive(port, P_DATAO, at, here);
			left -= here;
			continue;
		}
		while (done < here) {
			u32 n;

			ret = fifo_ready(port, in);
			if (ret < 0)
				break;
			n = min_t(u32, ret, here - done);
			if (in)
				fifo_put(port, at + done, n);
			else
				fifo_get(port, at + done, n);
			done += n;
		}
		left -= done;
	}
	sg_miter_stop(&miter);
	if (fifo) {
		if (ret >= 0)
			ret = wait_for(port, SSTAT0, SDONE);
		fifo_end(port);
	}
	SETRATE(0);
	if (ret >= 0 && TESTHI(SSTAT1, SCSIPERR)) {
		SETPORT(SSTAT1, CLRSCSIPERR);
		return -EIO;
	}
	return min(ret, 0);
}

/* ---- messages, 6.6 ---- */

static void abort_commands(struct target_port *port, int initiator, int lun,
			   u8 function);

static int synchronous(struct target_port *port, const u8 *request)
{
	u8 answer[5] = { EXTENDED_MESSAGE, 3, EXTENDED_SDTR };
	u8 *rate = &port->tgt->syncrate[port->initiator];
	unsigned int ticks = max(DIV_ROUND_UP(request[3] * 4, 50), SYNC_TICKS_MIN);
	unsigned int offset = min_t(u8, request[4], SYNC_OFFSET);

	*rate = 0;
	if (ticks > SYNC_TICKS_MAX)
		offset = 0;	/* asynchronous */
	answer[3] = max_t(u8, request[3], SYNC_TICKS_MIN * 50 / 4);
	answer[4] = offset;
	if (offset)
		*rate = (ticks - 2) << 4 | offset;
	port->tgt->syncneg[port->initiator] = 2;
	return send(port, P_MSGI, answer, sizeof(answer));
}

/* 6.6.22: 8 bits are all that we have */
static int wide(struct target_port *port)
{
	static const u8 answer[4] = { EXTENDED_MESSAGE, 2, EXTENDED_WDTR, 0 };

	/* 6.6.21: it makes transfers asynchronous */
	port->tgt->syncrate[port->initiator] = 0;
	return send(port, P_MSGI, answer, sizeof(answer));
}

static int extended_message(struct target_port *port)
{
	u8 message[MESSAGES] = { EXTENDED_MESSAGE };
	int ret;

	ret = receive(port, P_MSGO, message + 1, 1);
	if (ret)
		return ret;
	if (!message[1] || message[1] > MESSAGES - 2)
		return send_message(port, MESSAGE_REJECT);
	ret = receive(port, P_MSGO, message + 2, message[1]);
	if (ret)
		return ret;
	if (message[2] == EXTENDED_SDTR && message[1] == 3)
		return synchronous(port, message);
	if (message[2] == EXTENDED_WDTR && message[1] == 2)
		return wide(port);
	return send_message(port, MESSAGE_REJECT);
}

/* While ATN is on. -ESHUTDOWN: a message that ends the connection */
static int messages(struct target_port *port)
{
	u8 message;
	int ret = 0;

	while (!ret && TESTHI(SCSISIG, SIG_ATNI)) {
		ret = receive(port, P_MSGO, &message, 1);
		if (ret)
			break;
		if (message & IDENTIFY_BASE) {
			port->identify = message;
			continue;
		}
		switch (message) {
		case EXTENDED_MESSAGE:
			ret = extended_message(port);
			break;
		case ABORT_TASK_SET:	/* ABORT, 6.6.1 */
			abort_commands(port, port->initiator,
				       port->identify ? port->identify & 7 : -1,
				       TMR_ABORT_TASK);
			return -ESHUTDOWN;
		case TARGET_RESET:	/* BUS DEVICE RESET, 6.6.3 */
			abort_commands(port, -1, -1, TMR_LUN_RESET);
			port->tgt->syncrate[port->initiator] = 0;
			return -ESHUTDOWN;
		case NOP:
		case MESSAGE_REJECT:
		case INITIATOR_ERROR:
			break;
		default:	/* tags, too: 6.6.16, what follows is one byte */
			if (message >= SIMPLE_QUEUE_TAG &&
			    message <= ORDERED_QUEUE_TAG)
				ret = receive(port, P_MSGO, &message, 1);
			if (!ret)
				ret = send_message(port, MESSAGE_REJECT);
		}
	}
	return ret;
}

/* ---- commands ---- */

static void command_free(struct kref *ref)
{
	kfree(container_of(ref, struct target_command, ref));
}

/* The target core has done with it */
static void release(struct target_command *cmd)
{
	if (cmd->reset)
		atomic_dec(&cmd->port->resetting);
	kref_put(&cmd->ref, command_free);
}

/* An aborted command ends in the target core; nothing goes over the bus */
static void bury(struct target_command *cmd)
{
	if (cmd->status)
		transport_generic_free_cmd(&cmd->se, 0);
	else	/* the target core waits for its data */
		transport_generic_request_failure(&cmd->se,
			TCM_CHECK_CONDITION_ABORT_CMD);
}

static void say(struct target_command *cmd, bool data, bool status)
{
	struct target_port *port = cmd->port;
	unsigned long flags;
	bool dead;

	spin_lock_irqsave(&port->lock, flags);
	cmd->data = data;
	cmd->status = status;
	dead = cmd->dead;
	if (!dead)
		list_add_tail(&cmd->link, &port->ready);
	complete(&cmd->said);
	spin_unlock_irqrestore(&port->lock, flags);
	if (dead)
		bury(cmd);
	else
		port->tgt->kick(port->shost);
}

/* The nexus is free for the next command */
static void forget(struct target_command *cmd)
{
	struct target_port *port = cmd->port;
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	if (port->command[cmd->initiator][cmd->lun] == cmd)
		port->command[cmd->initiator][cmd->lun] = NULL;
	spin_unlock_irqrestore(&port->lock, flags);
}

static int send_status(struct target_port *port, u8 status)
{
	/* ATN: the initiator found bad parity in the data, or in the status */
	int ret = messages(port);

	if (!ret)
		ret = send(port, P_STATUS, &status, 1);
	if (!ret)
		ret = messages(port);
	return ret ? ret : send_message(port, COMMAND_COMPLETE);
}

static void keep_sense(struct target_port *port, u8 initiator, u8 lun,
		       const u8 *sense)
{
	memcpy(port->sense[initiator][lun].data, sense, SENSE);
	port->sense[initiator][lun].length = SENSE;
}

/* There is no autosense: REQUEST SENSE fetches what a status announced, 8.2.14 */
static int request_sense(struct target_port *port, u8 lun, const u8 *cdb)
{
	u8 length = min_t(u8, cdb[4], port->sense[port->initiator][lun].length);
	int ret = 0;

	port->sense[port->initiator][lun].length = 0;
	if (length)
		ret = send(port, P_DATAI, port->sense[port->initiator][lun].data,
			   length);
	return ret ? ret : send_status(port, SAM_STAT_GOOD);
}

/* Whether @cmd has something to say; it is the caller's to do so then */
static bool take(struct target_port *port, struct target_command *cmd)
{
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&port->lock, flags);
	taken = !list_empty(&cmd->link);
	list_del_init(&cmd->link);
	spin_unlock_irqrestore(&port->lock, flags);
	return taken;
}

/*
 * What the target core wants to be said of a command that has been taken.
 * -errno: the connection cannot go on, 1: it has ended, 0: more will come
 */
static int speak(struct target_port *port, struct target_command *cmd)
{
	bool status = cmd->status;
	u8 value = cmd->se.scsi_status;
	int ret = 0;

	reinit_completion(&cmd->said);
	if (cmd->data)
		ret = data_phase(port, cmd);
	if (!status) {
		/* data out have come, whole or not: the target core goes on */
		if (ret)
			transport_generic_request_failure(&cmd->se,
				TCM_CHECK_CONDITION_ABORT_CMD);
		else
			target_execute_cmd(&cmd->se);
		return ret == -EIO ? 0 : ret;
	}
	/* the backend's, or the target core's own */
	if (cmd->se.se_cmd_flags &
	    (SCF_TRANSPORT_TASK_SENSE | SCF_EMULATED_TASK_SENSE))
		keep_sense(port, cmd->initiator, cmd->lun, cmd->sense);
	forget(cmd);
	if (!ret)
		ret = send_status(port, value);
	transport_generic_free_cmd(&cmd->se, 0);
	return ret ? ret : 1;
}

/* LUN in the IDENTIFY message, else (7.2.2) in the command */
static u8 lun_of(struct target_port *port, const u8 *cdb)
{
	return port->identify ? port->identify & 7 : cdb[1] >> 5;
}

/*
 * The bus does not tell which way a command's data goes; the target core
 * finds out how much it is.
 */
static enum dma_data_direction direction_of(const u8 *cdb)
{
	switch (cdb[0]) {
	case FORMAT_UNIT:
	case REASSIGN_BLOCKS:
	case WRITE_6:
	case MODE_SELECT:
	case SEND_DIAGNOSTIC:
	case WRITE_10:		/* and SEND MESSAGE(10), 12.2.3 */
	case WRITE_VERIFY:
	case VERIFY:
	case UNMAP:
	case WRITE_BUFFER:
	case WRITE_SAME:
	case MODE_SELECT_10:
	case PERSISTENT_RESERVE_OUT:
	case COMPARE_AND_WRITE:
	case WRITE_16:
	case WRITE_SAME_16:
	case MAINTENANCE_OUT:
	case WRITE_12:
		return DMA_TO_DEVICE;
	}
	return DMA_FROM_DEVICE;
}

static struct target_command *new_command(struct target_port *port, u8 lun)
{
	struct target_command *cmd = kzalloc(sizeof(*cmd), GFP_NOIO);

	if (!cmd)
		return NULL;
	cmd->port = port;
	cmd->initiator = port->initiator;
	cmd->lun = lun;
	INIT_LIST_HEAD(&cmd->link);
	kref_init(&cmd->ref);
	init_completion(&cmd->said);
	return cmd;
}

/* COMMAND phase. The command, -errno, or NULL: it has ended already */
static struct target_command *command(struct target_port *port)
{
	struct target_command *cmd;
	unsigned long flags;
	bool taken;
	u8 cdb[16] = {}, lun;
	int ret;

	ret = receive(port, P_CMD, cdb, 1);
	if (!ret)
		ret = receive(port, P_CMD, cdb + 1, COMMAND_SIZE(cdb[0]) - 1);
	if (ret)
		return ERR_PTR(ret);
	lun = lun_of(port, cdb);
	if (cdb[0] == REQUEST_SENSE && port->sense[port->initiator][lun].length)
		return ERR_PTR(request_sense(port, lun, cdb));
	port->sense[port->initiator][lun].length = 0;

	cmd = READ_ONCE(port->enabled) && !atomic_read(&port->resetting) ?
		new_command(port, lun) : NULL;
	if (!cmd)
		return ERR_PTR(send_status(port, SAM_STAT_BUSY));
	memcpy(cmd->cdb, cdb, sizeof(cdb));

	spin_lock_irqsave(&port->lock, flags);
	taken = port->command[port->initiator][lun];
	if (!taken)
		port->command[port->initiator][lun] = cmd;
	spin_unlock_irqrestore(&port->lock, flags);
	if (taken) {	/* 7.5.2 is stricter; the initiator comes again */
		kfree(cmd);
		return ERR_PTR(send_status(port, SAM_STAT_BUSY));
	}

	if (target_init_cmd(&cmd->se, port->session[port->initiator],
			    cmd->sense, lun, 0, TCM_SIMPLE_TAG,
			    direction_of(cdb),
			    TARGET_SCF_UNKNOWN_SIZE | TARGET_SCF_ACK_KREF)) {
		forget(cmd);
		kfree(cmd);
		return ERR_PTR(send_status(port, SAM_STAT_BUSY));
	}
	cmd->se.tag = ++port->tag;
	kref_get(&cmd->ref);
	if (!target_submit_prep(&cmd->se, cmd->cdb, NULL, 0, NULL, 0, NULL, 0,
				GFP_NOIO))
		target_submit(&cmd->se);
	return cmd;
}

/*
 * Says all that @cmd has to say while we wait for it; then DISCONNECT, where
 * that is allowed. Leaves the bus.
 */
static void attend(struct target_port *port, struct target_command *cmd)
{
	bool may_leave = port->identify & 0x40;
	int ret = 0;

	while (!ret) {
		ret = messages(port);
		if (ret)
			break;
		if (!wait_for_completion_timeout(&cmd->said,
						 usecs_to_jiffies(LINGER_US))) {
			if (!may_leave && !lost(port))
				continue;
			send_message(port, DISCONNECT);
			break;
		}
		ret = take(port, cmd) ? speak(port, cmd) : -ECONNABORTED;
	}
	leave_bus(port);
}

static void selected(struct target_port *port)
{
	struct target_command *cmd;
	u8 others = GETPORT(SELID) & ~(1 << port->shost->this_id);
	int ret;

	/* 6.1.3.1: without an ID of his own it is nobody we could answer later */
	if (!others) {
		leave_bus(port);
		return;
	}
	port->initiator = fls(others) - 1;
	port->identify = 0;
	ret = messages(port);
	cmd = ret ? ERR_PTR(ret) : command(port);
	if (IS_ERR_OR_NULL(cmd)) {
		leave_bus(port);
		return;
	}
	attend(port, cmd);
	kref_put(&cmd->ref, command_free);
}

static void reselected(struct target_port *port)
{
	struct target_command *cmd, *found = NULL;

	port->initiator = port->reselecting;
	spin_lock_irq(&port->lock);
	list_for_each_entry(cmd, &port->ready, link) {
		if (cmd->initiator != port->initiator)
			continue;
		kref_get(&cmd->ref);
		found = cmd;
		break;
	}
	spin_unlock_irq(&port->lock);
	if (!found) {
		leave_bus(port);
		return;
	}
	/* who could be disconnected from can be again */
	port->identify = IDENTIFY_BASE | 0x40 | found->lun;
	if (send_message(port, IDENTIFY_BASE | found->lun))
		leave_bus(port);
	else
		attend(port, found);
	kref_put(&found->ref, command_free);
}

static void port_run(void *priv, bool resel)
{
	struct target_port *port = priv;

	SETPORT(SXFRCTL0, CH1 | CLRCH1 | CLRSTCNT);
	SETPORT(SXFRCTL0, CH1);
	SETPORT(DMACNTRL0, 0);
	SETRATE(0);
	if (resel)
		reselected(port);
	else
		selected(port);
	SETPORT(SXFRCTL0, CH1);
}

static int port_pending(void *priv)
{
	struct target_port *port = priv;
	struct target_command *cmd;
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	cmd = list_first_entry_or_null(&port->ready, struct target_command,
				       link);
	port->reselecting = cmd ? cmd->initiator : -1;
	spin_unlock_irqrestore(&port->lock, flags);
	return port->reselecting;
}

/* ---- abort and reset ---- */

static void submit_tmr(struct target_port *port, u8 initiator, u8 lun,
		       u8 function, u64 tag)
{
	struct target_command *cmd = new_command(port, lun);

	if (!cmd)
		return;
	cmd->initiator = initiator;
	cmd->reset = function == TMR_LUN_RESET;
	if (cmd->reset)
		atomic_inc(&port->resetting);
	if (target_submit_tmr(&cmd->se, port->session[initiator], cmd->sense,
			      lun, NULL, function, GFP_NOIO, tag,
			      TARGET_SCF_ACK_KREF))
		release(cmd);
}

/* All LUNs; there are the same for each initiator */
static void reset_luns(struct target_port *port)
{
	struct se_dev_entry *entry;
	unsigned long luns = 0;
	unsigned int i, l;

	for (i = 0; i < IDS && !port->session[i]; i++)
		;
	rcu_read_lock();
	hlist_for_each_entry_rcu(entry,
				 &port->session[i]->se_node_acl->lun_entry_hlist,
				 link)
		if (entry->mapped_lun < LUNS)
			luns |= BIT(entry->mapped_lun);
	rcu_read_unlock();
	for_each_set_bit(l, &luns, LUNS)
		submit_tmr(port, i, l, TMR_LUN_RESET, 0);
}

/*
 * Ends the commands of an initiator and a LUN (-1: of all), and says so to the
 * target core: @function is TMR_ABORT_TASK or TMR_LUN_RESET.
 */
static void abort_commands(struct target_port *port, int initiator, int lun,
			   u8 function)
{
	struct target_command *cmd, *next;
	u64 running[IDS][LUNS] = {};
	LIST_HEAD(dead);
	unsigned int i, l;

	spin_lock_irq(&port->lock);
	for (i = 0; i < IDS; i++) {
		for (l = 0; l < LUNS; l++) {
			cmd = port->command[i][l];
			if (!cmd || (initiator >= 0 && i != initiator) ||
			    (lun >= 0 && l != lun))
				continue;
			port->command[i][l] = NULL;
			cmd->dead = true;
			if (list_empty(&cmd->link))
				running[i][l] = cmd->se.tag;
			else
				list_move_tail(&cmd->link, &dead);
		}
	}
	spin_unlock_irq(&port->lock);
	list_for_each_entry_safe(cmd, next, &dead, link) {
		list_del_init(&cmd->link);
		bury(cmd);
	}
	if (function == TMR_LUN_RESET) {
		if (READ_ONCE(port->enabled))
			reset_luns(port);
		return;
	}
	for (i = 0; i < IDS; i++)
		for (l = 0; l < LUNS; l++)
			if (running[i][l])
				submit_tmr(port, i, l, TMR_ABORT_TASK,
					   running[i][l]);
}

static void port_reset(void *priv)
{
	abort_commands(priv, -1, -1, TMR_LUN_RESET);
	memset(((struct target_port *)priv)->sense, 0,
	       sizeof(((struct target_port *)priv)->sense));
}

/* 6.1.4.1: the initiator is off, or has forgotten; so do we */
static void port_no_answer(void *priv)
{
	struct target_port *port = priv;

	abort_commands(port, port->reselecting, -1, TMR_ABORT_TASK);
}

static const struct aha152x_target_ops port_ops = {
	.run = port_run,
	.pending = port_pending,
	.no_answer = port_no_answer,
	.reset = port_reset,
};

/* ---- the target core ---- */

static struct target_port *to_port(struct se_portal_group *tpg)
{
	return container_of(tpg, struct target_port, tpg);
}

static int queue_data_in(struct se_cmd *se)
{
	say(to_command(se), true, true);
	return 0;
}

static int queue_status(struct se_cmd *se)
{
	say(to_command(se), false, true);
	return 0;
}

static int write_pending(struct se_cmd *se)
{
	say(to_command(se), true, false);
	return 0;
}

static void queue_tm_rsp(struct se_cmd *se)
{
	transport_generic_free_cmd(se, 0);
}

static void aborted_task(struct se_cmd *se)
{
	struct target_command *cmd = to_command(se);

	forget(cmd);
	complete(&cmd->said);
}

static int check_stop_free(struct se_cmd *se)
{
	return target_put_sess_cmd(se);
}

static void release_cmd(struct se_cmd *se)
{
	release(to_command(se));
}

static int yes(struct se_portal_group *tpg)
{
	return 1;
}

static int no(struct se_portal_group *tpg)
{
	return 0;
}

static u32 instance(struct se_portal_group *tpg)
{
	return 1;
}

static u32 session_index(struct se_session *session)
{
	return 0;
}

static int command_state(struct se_cmd *se)
{
	return 0;
}

static void node_attributes(struct se_node_acl *acl)
{
}

static char *port_name(struct se_portal_group *tpg)
{
	return to_port(tpg)->name;
}

static u16 port_tag(struct se_portal_group *tpg)
{
	return 1;
}

static void remove_sessions(struct target_port *port)
{
	unsigned int i;

	for (i = 0; i < IDS; i++) {
		if (port->session[i])
			target_remove_session(port->session[i]);
		port->session[i] = NULL;
	}
}

static int enable(struct target_port *port)
{
	unsigned int i;
	int ret;

	for (i = 0; i < IDS; i++) {
		struct se_session *session;
		char name[32];

		if (i == port->shost->this_id)
			continue;
		snprintf(name, sizeof(name), "%s:%u", port->name, i);
		session = target_setup_session(&port->tpg, 0, 0,
					       TARGET_PROT_NORMAL, name, port,
					       NULL);
		if (IS_ERR(session)) {
			ret = PTR_ERR(session);
			goto failed;
		}
		port->session[i] = session;
	}
	WRITE_ONCE(port->enabled, true);
	ret = port->tgt->attach(port->shost, &port_ops, port);
	if (!ret)
		return 0;
failed:
	WRITE_ONCE(port->enabled, false);
	remove_sessions(port);
	return ret;
}

/* What comes is answered with BUSY, what runs may end, and goes over the bus */
static void disable(struct target_port *port)
{
	unsigned int i;

	WRITE_ONCE(port->enabled, false);
	for (i = 0; i < IDS; i++) {
		if (!port->session[i])
			continue;
		target_stop_session(port->session[i]);
		target_wait_for_sess_cmds(port->session[i]);
	}
	/* only then does nobody look at the sessions any more */
	port->tgt->detach(port->shost);
	remove_sessions(port);
}

static int enable_tpg(struct se_portal_group *tpg, bool on)
{
	struct target_port *port = to_port(tpg);

	if (on == port->enabled)
		return 0;
	if (on)
		return enable(port);
	disable(port);
	return 0;
}

static struct se_portal_group *make_tpg(struct se_wwn *wwn, const char *name)
{
	struct target_port *port = container_of(wwn, struct target_port, wwn);
	int ret;

	if (strcmp(name, "tpgt_1"))
		return ERR_PTR(-EINVAL);
	ret = core_tpg_register(wwn, &port->tpg, SCSI_PROTOCOL_SPI);
	return ret ? ERR_PTR(ret) : &port->tpg;
}

static void drop_tpg(struct se_portal_group *tpg)
{
	enable_tpg(tpg, false);
	core_tpg_deregister(tpg);
}

/* "host3" is the adapter that Linux calls so */
static struct se_wwn *make_wwn(struct target_fabric_configfs *fabric,
			       struct config_group *group, const char *name)
{
	struct target_port *port;
	struct Scsi_Host *shost;
	unsigned int number;
	int ret = -ENOMEM;

	if (sscanf(name, "host%u", &number) != 1)
		return ERR_PTR(-EINVAL);
	shost = scsi_host_lookup(number);
	if (!shost)
		return ERR_PTR(-ENODEV);
	if (!shost->hostt->proc_name ||
	    strcmp(shost->hostt->proc_name, "aha152x") ||
	    !try_module_get(shost->hostt->module)) {
		ret = -ENODEV;
		goto put_host;
	}
	port = kzalloc(sizeof(*port), GFP_KERNEL);
	if (!port)
		goto put_module;
	port->shost = shost;
	port->tgt = shost_priv(shost);
	port->ports = shost->io_port;
	spin_lock_init(&port->lock);
	INIT_LIST_HEAD(&port->ready);
	snprintf(port->name, sizeof(port->name), "host%u", number);
	return &port->wwn;

put_module:
	module_put(shost->hostt->module);
put_host:
	scsi_host_put(shost);
	return ERR_PTR(ret);
}

static void drop_wwn(struct se_wwn *wwn)
{
	struct target_port *port = container_of(wwn, struct target_port, wwn);

	module_put(port->shost->hostt->module);
	scsi_host_put(port->shost);
	kfree(port);
}

static const struct target_core_fabric_ops fabric_ops = {
	.module = THIS_MODULE,
	.fabric_name = "aha152x",
	.tpg_get_wwn = port_name,
	.tpg_get_tag = port_tag,
	.tpg_get_default_depth = instance,	/* one command */
	.tpg_check_demo_mode = yes,
	.tpg_check_demo_mode_cache = yes,
	.tpg_check_demo_mode_write_protect = no,
	.tpg_check_prod_mode_write_protect = no,
	.tpg_get_inst_index = instance,
	.check_stop_free = check_stop_free,
	.release_cmd = release_cmd,
	.sess_get_index = session_index,
	.write_pending = write_pending,
	.set_default_node_attributes = node_attributes,
	.get_cmd_state = command_state,
	.queue_data_in = queue_data_in,
	.queue_status = queue_status,
	.queue_tm_rsp = queue_tm_rsp,
	.aborted_task = aborted_task,
	.fabric_make_wwn = make_wwn,
	.fabric_drop_wwn = drop_wwn,
	.fabric_make_tpg = make_tpg,
	.fabric_enable_tpg = enable_tpg,
	.fabric_drop_tpg = drop_tpg,
};

static int __init target_init(void)
{
	return target_register_template(&fabric_ops);
}

static void __exit target_exit(void)
{
	target_unregister_template(&fabric_ops);
}

module_init(target_init);
module_exit(target_exit);
MODULE_DESCRIPTION("Target mode of the Adaptec AHA-152x");
MODULE_LICENSE("GPL");
