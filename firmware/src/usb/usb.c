// SPDX-License-Identifier: Apache-2.0
/*
 * USB 2.0 chapter 9, CDC 1.2, NCM 1.0, PSTN 1.2 on the RP2040's controller
 * (data sheet 4.1). Frames come from the hub and go there, bytes of the serial
 * line to mgmt.
 */
#include "usb/usb.h"

#include "boot/regs.h"
#include "usb/ntb.h"

#define PACKET		64u

/* Endpoints: numbers */
#define EP_NCM_NOTE	1
#define EP_NCM		2
#define EP_ACM_NOTE	3
#define EP_ACM		4
#define ENDPOINTS	5

#define IF_NCM		0
#define IF_NCM_DATA	1
#define IF_ACM		2
#define INTERFACES	4

/* DPRAM, 4.1.2.5 */
#define SETUP		((volatile u8 *)USB_DPRAM)
#define EP_CTRL(n, in)	REG(USB_DPRAM + 8u * (n) + ((in) ? 0 : 4))
#define BUF_CTRL(n, in)	REG(USB_DPRAM + 0x80 + 8u * (n) + ((in) ? 0 : 4))
#define BUFFER(n, in)	((n) ? 0x140u + 2 * PACKET * (n) + ((in) ? 0 : PACKET) : 0x100u)
#define BUF_FULL	(1u << 15)
#define BUF_DATA1	(1u << 13)
#define BUF_STALL	(1u << 11)
#define BUF_AVAILABLE	(1u << 10)
#define BUF_LENGTH	0x3ffu
#define STATUS_BIT(n, in) (1u << (2 * (n) + ((in) ? 0 : 1)))

#define SIE_SUSPENDED	(1u << 4)
#define SIE_SETUP	(1u << 17)
#define SIE_RESET	(1u << 19)

#define LE16(v)		((v) & 0xff), ((v) >> 8)

/* pid.codes' number for tests: USB has none for this device yet */
#define VENDOR		0x1209
#define PRODUCT		0x0001

static const u8 device_descriptor[] = {
	18, 1, LE16(0x0200), 0xef, 2, 1, PACKET, LE16(VENDOR), LE16(PRODUCT),
	LE16(0x0010), 1, 2, 3, 1,
};

#define CONFIGURATION_LENGTH	(9 + 8 + 9 + 5 + 5 + 13 + 6 + 7 + 9 + 9 + 7 + 7 + \
				 8 + 9 + 5 + 5 + 4 + 5 + 7 + 9 + 7 + 7)

static const u8 configuration[CONFIGURATION_LENGTH] = {
	9, 2, LE16(CONFIGURATION_LENGTH), INTERFACES, 1, 0, 0x80, 50,
	/* the network */
	8, 11, IF_NCM, 2, 2, 0x0d, 0, 0,
	9, 4, IF_NCM, 0, 1, 2, 0x0d, 0, 0,
	5, 0x24, 0x00, LE16(0x0110),
	5, 0x24, 0x06, IF_NCM, IF_NCM_DATA,
	/* Ethernet: address in string 4, frames of 1514 bytes */
	13, 0x24, 0x0f, 4, 0, 0, 0, 0, LE16(1514), LE16(0), 0,
	6, 0x24, 0x1a, LE16(0x0100), 0,
	7, 5, 0x80 | EP_NCM_NOTE, 3, LE16(16), 16,
	9, 4, IF_NCM_DATA, 0, 0, 10, 0, 1, 0,
	9, 4, IF_NCM_DATA, 1, 2, 10, 0, 1, 0,
	7, 5, 0x80 | EP_NCM, 2, LE16(PACKET), 0,
	7, 5, EP_NCM, 2, LE16(PACKET), 0,
	/* the management port */
	8, 11, IF_ACM, 2, 2, 2, 0, 0,
	9, 4, IF_ACM, 0, 1, 2, 2, 0, 0,
	5, 0x24, 0x00, LE16(0x0110),
	5, 0x24, 0x01, 0, IF_ACM + 1,
	4, 0x24, 0x02, 2,
	5, 0x24, 0x06, IF_ACM, IF_ACM + 1,
	7, 5, 0x80 | EP_ACM_NOTE, 3, LE16(16), 16,
	9, 4, IF_ACM + 1, 0, 2, 10, 0, 0, 0,
	7, 5, 0x80 | EP_ACM, 2, LE16(PACKET), 0,
	7, 5, EP_ACM, 2, LE16(PACKET), 0,
};

static struct {
	struct hub *hub;
	struct mgmt *mgmt;
	char strings[5][17];
	/* control transfer on endpoint 0 */
	u8 setup[8];
	u8 control[256];
	const u8 *control_data;
	u16 control_left;
	bool control_zlp;
	bool control_out;	/* data of SET_LINE_CODING or SET_NTB_INPUT_SIZE */
	u8 address;
	bool set_address;
	u8 configured;
	u8 alternate;		/* of the NCM data interface */
	bool suspended;		/* or pulled out: nothing comes from the host */
	u8 line_coding[7];
	u16 halted[2];		/* OUT, IN: a bit each endpoint */
	u32 done;		/* STATUS_BITs that usb_poll() has to see to */
	/* of each endpoint, OUT and IN */
	bool data1[ENDPOINTS][2];
	bool busy[ENDPOINTS][2];
	u8 notes;		/* NCM's notifications that are still to be sent */
	/* NCM */
	u8 ntb_out[NTB_OUT_SIZE] __attribute__((aligned(4)));
	u32 out_length;
	bool out_complete;	/* a block is there */
	bool out_full;		/* and is being read */
	struct ntb_reader reader;
	u8 ntb_in[NTB_IN_SIZE] __attribute__((aligned(4)));
	u32 in_length, in_sent, in_max;
	bool in_zlp;
	u16 in_sequence;
} u;

/* --- endpoints --- */

static volatile u8 *buffer(u32 ep, bool in)
{
	return (volatile u8 *)(USB_DPRAM + BUFFER(ep, in));
}

/* Gives a buffer to the controller, in two steps: 4.1.2.5.1 */
static void start(u32 ep, bool in, u32 len)
{
	u32 ctrl = len | (in ? BUF_FULL : 0) |
		   (u.data1[ep][in] ? BUF_DATA1 : 0);

	u.data1[ep][in] = !u.data1[ep][in];
	u.busy[ep][in] = true;
	BUF_CTRL(ep, in) = ctrl;
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
			 "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
	BUF_CTRL(ep, in) = ctrl | BUF_AVAILABLE;
}

static void send(u32 ep, const u8 *from, u32 len)
{
	volatile u8 *to = buffer(ep, true);
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = from[i];
	start(ep, true, len);
}

/* Words: both are aligned, and rounding up stays within them */
static void copy_packet(volatile u32 *to, const volatile u32 *from, u32 len)
{
	for (len = (len + 3) / 4; len; len--)
		*to++ = *from++;
}

static bool can_send(u32 ep)
{
	return !u.busy[ep][1] && !(u.halted[1] & 1u << ep);
}

static void receive(u32 ep)
{
	if (!u.busy[ep][0] && !(u.halted[0] & 1u << ep))
		start(ep, false, PACKET);
}

/*
 * Whatever was under way is not any more, and toggles begin at DATA0. Only for
 * endpoints that SET_INTERFACE or SET_CONFIGURATION names: the host goes on
 * with the toggles of all others (USB 2.0 9.1.1.5).
 */
static void ep_reset(u32 ep)
{
	u32 in;

	for (in = 0; in < 2; in++) {
		BUF_CTRL(ep, in) = 0;
		u.data1[ep][in] = false;
		u.busy[ep][in] = false;
		u.halted[in] &= ~(1u << ep);
	}
}

static void ep_enable(u32 ep, bool in, u32 type)
{
	EP_CTRL(ep, in) = 1u << 31 | 1u << 29 | type << 26 | BUFFER(ep, in);
}

/* --- NCM --- */

static void ncm_reset(void)
{
	ep_reset(EP_NCM);
	u.out_length = 0;
	u.out_complete = false;
	u.out_full = false;
	u.in_length = u.in_sent = 0;
	u.in_zlp = false;
	u.in_max = NTB_IN_SIZE;
	u.in_sequence = 0;
	u.notes = u.alternate ? 2 : 0;
	hub_link(u.hub, u.alternate && !u.suspended);
}

static void ncm_notify(void)
{
	/* CDC 6.3: 12 Mbit/s both ways, and the network is there */
	static const u8 speed[16] = { 0xa1, 0x2a, 0, 0, IF_NCM, 0, 8, 0,
				      0x00, 0x1b, 0xb7, 0, 0x00, 0x1b, 0xb7, 0 };
	static const u8 connection[8] = { 0xa1, 0x00, 1, 0, IF_NCM, 0, 0, 0 };

	if (!u.notes || !can_send(EP_NCM_NOTE))
		return;
	if (u.notes-- == 2)
		send(EP_NCM_NOTE, speed, sizeof(speed));
	else
		send(EP_NCM_NOTE, connection, sizeof(connection));
}

static void ncm_block_done(void)
{
	u.out_complete = false;
	u.out_full = false;
	u.out_length = 0;
}

/* Frames of the host's block, as far as there is room for them */
static void ncm_frames(void)
{
	u32 offset, len, at, n;
	struct ntb_reader before;
	u16 frame;

	while (u.out_full) {
		before = u.reader;
		switch (ntb_next(&u.reader, &offset, &len)) {
		case NTB_BAD:
			u.mgmt->ntb_malformed++;
			ncm_block_done();
			return;
		case NTB_END:
			ncm_block_done();
			return;
		case NTB_FRAME:
			break;
		}
		if (len <= FRAME_HEADER || len > FRAME_MAX) {
			u.mgmt->ntb_malformed++;
			continue;
		}
		frame = hub_frame_new(u.hub, len);
		if (frame == POOL_NONE) {
			u.reader = before;
			return;
		}
		for (at = 0; at < len; at += n) {
			u8 *to;

			n = len - at;
			to = pool_piece(&u.hub->pool, frame, at, &n);
			memcpy(to, u.ntb_out + offset + at, n);
		}
		hub_frame_put(u.hub, frame);
	}
}

/* A packet of the host's block; the next one may come at once */
static void ncm_out(u32 len)
{
	copy_packet((volatile u32 *)(u.ntb_out + u.out_length),
		    (volatile u32 *)buffer(EP_NCM, false), len);
	u.out_length += len;
	/* a short packet ends a block; so does its greatest length */
	if (len < PACKET || u.out_length == NTB_OUT_SIZE)
		u.out_complete = u.out_length;
	if (!u.out_complete)
		receive(EP_NCM);
}

/* The next packet of our block, or nothing where it has gone */
static void ncm_in(void)
{
	u32 n = u.in_length - u.in_sent;

	if ((!n && !u.in_zlp) || !can_send(EP_NCM))
		return;
	if (!n)
		u.in_zlp = false;
	if (n > PACKET)
		n = PACKET;
	copy_packet((volatile u32 *)buffer(EP_NCM, true),
		    (volatile u32 *)(u.ntb_in + u.in_sent), n);
	start(EP_NCM, true, n);
	u.in_sent += n;
}

static void ncm_fill(void)
{
	struct ntb_writer w;
	u16 frame;

	ntb_write(&w, u.ntb_in, u.in_max, u.in_sequence);
	while ((frame = hub_uplink(u.hub)) != POOL_NONE) {
		u32 len = u.hub->pool.length[frame], at, n;
		u8 *to = ntb_add(&w, len);

		if (!to)
			break;
		for (at = 0; at < len; at += n) {
			n = len - at;
			memcpy(to + at, pool_piece(&u.hub->pool, frame, at, &n), n);
		}
		hub_uplink_done(u.hub);
	}
	u.in_length = ntb_end(&w);
	u.in_sent = 0;
	if (!u.in_length)
		return;
	u.in_sequence++;
	u.in_zlp = u.in_length % PACKET == 0 && u.in_length < u.in_max;
}

static void ncm_poll(void)
{
	if (!u.alternate)
		return;
	ncm_notify();
	if (u.out_complete && !u.out_full) {
		u.out_full = ntb_read(&u.reader, u.ntb_out, u.out_length);
		if (!u.out_full) {
			u.mgmt->ntb_malformed++;
			ncm_block_done();
		}
	}
	ncm_frames();
	if (!u.out_complete)
		receive(EP_NCM);
	if (can_send(EP_NCM) && u.in_sent == u.in_length && !u.in_zlp)
		ncm_fill();
	ncm_in();
}

/* --- ACM --- */

static void acm_poll(void)
{
	const u8 *bytes;
	u32 n;

	receive(EP_ACM);
	if (!can_send(EP_ACM))
		return;
	n = mgmt_output(u.mgmt, &bytes);
	if (!n)
		return;
	/* never a full packet: none has to be followed by an empty one */
	if (n > PACKET - 1)
		n = PACKET - 1;
	send(EP_ACM, bytes, n);
	mgmt_sent(u.mgmt, n);
}

static void acm_out(u32 len)
{
	volatile u8 *from = buffer(EP_ACM, false);
	u32 i;

	for (i = 0; i < len; i++)
		mgmt_input(u.mgmt, from[i]);
}

/* --- control transfers --- */

static void configure(u8 value)
{
	u.configured = value;
	u.alternate = 0;
	ncm_reset();
	ep_reset(EP_NCM_NOTE);
	ep_reset(EP_ACM_NOTE);
	ep_reset(EP_ACM);
	mgmt_closed(u.mgmt);
	ep_enable(EP_NCM_NOTE, true, 3);
	ep_enable(EP_NCM, true, 2);
	ep_enable(EP_NCM, false, 2);
	ep_enable(EP_ACM_NOTE, true, 3);
	ep_enable(EP_ACM, true, 2);
	ep_enable(EP_ACM, false, 2);
}

static u32 string_descriptor(u8 index)
{
	u32 i, len;

	if (index >= COUNT_OF(u.strings))
		return 0;
	if (!index) {
		memcpy(u.control, "\x04\x03\x09\x04", 4);
		return 4;
	}
	len = strnlen(u.strings[index], 16);
	u.control[0] = 2 + 2 * len;
	u.control[1] = 3;
	for (i = 0; i < len; i++) {
		u.control[2 + 2 * i] = u.strings[index][i];
		u.control[3 + 2 * i] = 0;
	}
	return u.control[0];
}

static u32 get_descriptor(void)
{
	switch (u.setup[3]) {
	case 1:
		memcpy(u.control, device_descriptor, sizeof(device_descriptor));
		return sizeof(device_descriptor);
	case 2:
		memcpy(u.control, configuration, sizeof(configuration));
		return u.setup[2] ? 0 : sizeof(configuration);
	case 3:
		return string_descriptor(u.setup[2]);
	}
	return 0;
}

/* Return: bytes of u.control that are the answer, or 0: refuse */
static u32 control_in(void)
{
	u8 request = u.setup[1], index = u.setup[4], ep = index & 15;

	memset(u.control, 0, sizeof(u.control));
	switch (u.setup[0] << 8 | request) {
	case 0x8000:		/* GET_STATUS: bus powered */
	case 0x8100:
		return 2;
	case 0x8200:
		if (ep >= ENDPOINTS)
			return 0;
		u.control[0] = u.halted[index >> 7] >> ep & 1;
		return 2;
	case 0x8006:
		return get_descriptor();
	case 0x8008:		/* GET_CONFIGURATION */
		u.control[0] = u.configured;
		return 1;
	case 0x810a:		/* GET_INTERFACE */
		u.control[0] = index == IF_NCM_DATA ? u.alternate : 0;
		return index < INTERFACES && u.configured;
	case 0xa180:		/* GET_NTB_PARAMETERS */
		ntb_parameters(u.control);
		return index == IF_NCM ? NTB_PARAMETERS : 0;
	case 0xa185:		/* GET_NTB_INPUT_SIZE */
		u.control[0] = u.in_max & 0xff;
		u.control[1] = u.in_max >> 8;
		return index == IF_NCM ? 4 : 0;
	case 0xa121:		/* GET_LINE_CODING */
		memcpy(u.control, u.line_coding, 7);
		return index == IF_ACM ? 7 : 0;
	}
	return 0;
}

static bool halt(bool on)
{
	u8 ep = u.setup[4] & 15, in = u.setup[4] >> 7;

	if (!ep || ep >= ENDPOINTS || u.setup[2] || u.setup[3])
		return false;
	if (on) {
		u.halted[in] |= 1u << ep;
		BUF_CTRL(ep, in) = BUF_STALL;
	} else {
		u.halted[in] &= ~(1u << ep);
		BUF_CTRL(ep, in) = 0;
	}
	u.data1[ep][in] = false;
	u.busy[ep][in] = false;
	return true;
}

/* Requests without data. Return: false: refuse */
static bool control_none(void)
{
	u8 value = u.setup[2], index = u.setup[4];

	switch (u.setup[0] << 8 | u.setup[1]) {
	case 0x0005:
		u.address = value;
		u.set_address = true;
		return value < 128;
	case 0x0009:
		if (value > 1)
			return false;
		configure(value);
		return true;
	case 0x010b:		/* SET_INTERFACE */
		if (!u.configured || index >= INTERFACES ||
		    value > (index == IF_NCM_DATA))
			return false;
		if (index == IF_NCM_DATA) {
			u.alternate = value;
			ncm_reset();
		}
		return true;
	case 0x0201:
		return halt(false);
	case 0x0203:
		return halt(true);
	case 0x2143:		/* SET_ETHERNET_PACKET_FILTER: all of it anyway */
		return index == IF_NCM;
	case 0x2122:		/* SET_CONTROL_LINE_STATE: somebody opens or closes */
		mgmt_closed(u.mgmt);
		return index == IF_ACM;
	case 0x2123:		/* SEND_BREAK */
		return index == IF_ACM;
	}
	return false;
}

static void stall(void)
{
	REG(USB_STALL_ARM) = 3;
	BUF_CTRL(0, 0) = BUF_STALL;
	BUF_CTRL(0, 1) = BUF_STALL;
}

static void control_more(void)
{
	u32 n = u.control_left < PACKET ? u.control_left : PACKET;

	send(0, u.control_data, n);
	u.control_data += n;
	u.control_left -= n;
	if (!u.control_left && n < PACKET)
		u.control_zlp = false;
}

static void setup(void)
{
	u32 want, len, i;

	for (i = 0; i < sizeof(u.setup); i++)
		u.setup[i] = SETUP[i];
	want = u.setup[6] | u.setup[7] << 8;
	u.data1[0][0] = u.data1[0][1] = true;
	u.busy[0][0] = u.busy[0][1] = false;
	u.control_out = false;
	u.set_address = false;
	u.control_left = 0;
	u.control_zlp = false;
	if (u.setup[0] & 0x80) {
		len = control_in();
		if (!len) {
			stall();
			return;
		}
		u.control_data = u.control;
		u.control_left = len < want ? len : want;
		/* shorter than wanted, and no short packet says so */
		u.control_zlp = len < want && len % PACKET == 0;
		control_more();
		return;
	}
	if (want) {
		u16 what = u.setup[0] << 8 | u.setup[1];

		if (want > PACKET || (what != 0x2120 && what != 0x2186)) {
			stall();
			return;
		}
		u.control_out = true;
		start(0, false, PACKET);
		return;
	}
	if (!control_none()) {
		stall();
		return;
	}
	send(0, NULL, 0);
}

/* Data of a control transfer to us. Return: false: refuse */
static bool control_data(u32 len)
{
	volatile u8 *from = buffer(0, false);
	u32 i, size;

	if (u.setup[1] == 0x20) {
		if (len != 7 || u.setup[4] != IF_ACM)
			return false;
		for (i = 0; i < 7; i++)
			u.line_coding[i] = from[i];
		return true;
	}
	size = from[0] | from[1] << 8 | from[2] << 16 | (u32)from[3] << 24;
	if (len < 4 || u.setup[4] != IF_NCM || size < 2048)
		return false;
	u.in_max = size < NTB_IN_SIZE ? size : NTB_IN_SIZE;
	return true;
}

static void ep0_in(void)
{
	if (u.set_address) {	/* it counts after the status */
		REG(USB_ADDR) = u.address;
		u.set_address = false;
	} else if (u.control_left || u.control_zlp) {
		if (!u.control_left)
			u.control_zlp = false;
		control_more();
	} else if (u.setup[0] & 0x80) {
		u.data1[0][0] = true;
		start(0, false, 0);	/* status */
	}
}

static void ep0_out(u32 len)
{
	if (!u.control_out)
		return;
	u.control_out = false;
	if (control_data(len)) {
		u.data1[0][1] = true;
		send(0, NULL, 0);
	} else {
		stall();
	}
}

static void bus_reset(void)
{
	REG(USB_ADDR) = 0;
	u.address = 0;
	u.control_left = 0;
	u.control_out = false;
	ep_reset(0);
	configure(0);
}

static void finished(u32 ep, bool in)
{
	u32 len = BUF_CTRL(ep, in) & BUF_LENGTH;

	if (!u.busy[ep][in])
		return;		/* it was called off meanwhile */
	u.busy[ep][in] = false;
	if (!ep && in)
		ep0_in();
	else if (!ep)
		ep0_out(len);
	else if (ep == EP_NCM && in)
		ncm_in();
	else if (ep == EP_NCM)
		ncm_out(len);
	else if (ep == EP_ACM && !in)
		acm_out(len);
}

/*
 * Keeps blocks going while a command is on the bus; all else waits for
 * usb_poll(). Nothing here touches the hub. Takes some 3 us.
 */
void usb_interrupt(void)
{
	u32 done = REG(USB_BUFF_STATUS);

	REG(USB_BUFF_STATUS) = done;
	u.done |= done & ~(STATUS_BIT(EP_NCM, 0) | STATUS_BIT(EP_NCM, 1));
	if (done & STATUS_BIT(EP_NCM, 0))
		finished(EP_NCM, false);
	if (done & STATUS_BIT(EP_NCM, 1))
		finished(EP_NCM, true);
}

static void poll_all(void)
{
	u32 status = REG(USB_SIE_STATUS), done, ep, in;

	if (status & SIE_RESET) {
		REG(USB_SIE_STATUS) = SIE_RESET;
		bus_reset();
	}
	if (!!(status & SIE_SUSPENDED) != u.suspended) {
		u.suspended = !u.suspended;
		hub_link(u.hub, u.alternate && !u.suspended);
	}
	usb_interrupt();
	done = u.done;
	u.done = 0;
	for (ep = 0; done && ep < ENDPOINTS; ep++)
		for (in = 0; in < 2; in++)
			if (done & STATUS_BIT(ep, in))
				finished(ep, in);
	/* after what was before it */
	if (status & SIE_SETUP) {
		REG(USB_SIE_STATUS) = SIE_SETUP;
		setup();
	}
	if (u.configured) {
		ncm_poll();
		acm_poll();
	}
}

void usb_poll(void)
{
	/* the interrupt and this share all that there is */
	REG(NVIC_ICER) = 1u << IRQ_USB;
	poll_all();
	REG(NVIC_ISER) = 1u << IRQ_USB;
}

static void string(u8 index, const char *text)
{
	memcpy(u.strings[index], text, strnlen(text, 16));
}

void usb_init(struct hub *h, struct mgmt *m, const char *serial)
{
	static const char digits[] = "0123456789ABCDEF";
	static const u8 coding[7] = { 0x00, 0xc2, 0x01, 0, 0, 0, 8 };
	char mac[13] = "";
	u32 i;

	memset(&u, 0, sizeof(u));
	u.hub = h;
	u.mgmt = m;
	u.in_max = NTB_IN_SIZE;
	memcpy(u.line_coding, coding, sizeof(coding));
	for (i = 0; i < 6; i++) {
		mac[2 * i] = digits[h->self.addr[i] >> 4];
		mac[2 * i + 1] = digits[h->self.addr[i] & 15];
	}
	string(1, "scsigate");
	string(2, "SCSI adapter");
	string(3, serial);
	string(4, mac);
	for (i = 0; i < 0x1000; i += 4)
		REG(USB_DPRAM + i) = 0;
	REG(USB_MUXING) = 1u << 0 | 1u << 3;	/* to the PHY, SOFTCON */
	REG(USB_PWR) = 1u << 2 | 1u << 3;	/* VBUS is there */
	REG(USB_MAIN_CTRL) = 1;
	REG(USB_INTE) = USB_INT_BUFF_STATUS;
	REG(USB_SIE_CTRL) = 1u << 29;		/* BUFF_STATUS for endpoint 0 */
	REG_SET(USB_SIE_CTRL) = 1u << 16;	/* pull-up: we are here */
}
