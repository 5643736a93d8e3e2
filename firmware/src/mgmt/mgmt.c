// SPDX-License-Identifier: Apache-2.0
#include "mgmt/mgmt.h"

#include "boot/crc.h"

#define SLIP_END	0xc0
#define SLIP_ESC	0xdb
#define SLIP_ESC_END	0xdc
#define SLIP_ESC_ESC	0xdd

/**
 * mgmt_init - a management port, and what it tells of
 * @m: the port; its settings are those of flash
 * @t: the target
 * @h: the hub
 * @start: what the loader has started
 */
void mgmt_init(struct mgmt *m, struct target *t, struct hub *h,
	       const struct slot_start *start)
{
	memset(m, 0, sizeof(*m));
	m->target = t;
	m->hub = h;
	settings_load(&m->settings);
	update_init(&m->update, start);
}

static void slip(struct mgmt *m, u8 byte)
{
	if (byte == SLIP_END || byte == SLIP_ESC) {
		m->out[m->out_length++] = SLIP_ESC;
		byte = byte == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
	}
	m->out[m->out_length++] = byte;
}

static void answer(struct mgmt *m, u8 result, const u8 *payload, u32 len)
{
	u8 head[MGMT_HEADER] = { m->in[0] | 0x80, result, m->in[2], m->in[3] };
	u8 crc[MGMT_CRC];
	u32 i;

	put32(crc, crc32(crc32(0, head, sizeof(head)), payload, len));
	m->out_length = 0;
	m->out_sent = 0;
	m->out[m->out_length++] = SLIP_END;
	for (i = 0; i < sizeof(head); i++)
		slip(m, head[i]);
	for (i = 0; i < len; i++)
		slip(m, payload[i]);
	for (i = 0; i < sizeof(crc); i++)
		slip(m, crc[i]);
	m->out[m->out_length++] = SLIP_END;
}

static void hello(struct mgmt *m)
{
	u8 buf[MGMT_HELLO_SIZE] = { 0 };

	buf[MGMT_HELLO_VERSION + 1] = MGMT_VERSION;
	put32(buf + MGMT_HELLO_CAPABILITIES,
	      1u << MGMT_CAN_HUB | 1u << MGMT_CAN_SETTINGS |
		      1u << MGMT_CAN_UPDATE | 1u << MGMT_CAN_DAYNAPORT);
	put32(buf + MGMT_HELLO_UPTIME_SECONDS, m->hub->now / 1000);
	memcpy(buf + MGMT_HELLO_STATION_ADDRESS, m->hub->self.addr, 6);
	buf[MGMT_HELLO_SCSI_ID] = m->target->ids[m->hub->unit];
	buf[MGMT_HELLO_LINK_UP] = m->hub->link;
	memcpy(buf + MGMT_HELLO_SERIAL, m->hub->serial,
	       strnlen(m->hub->serial, MGMT_HELLO_SERIAL_SIZE));
	memcpy(buf + MGMT_HELLO_FIRMWARE, FIRMWARE_VERSION,
	       sizeof(FIRMWARE_VERSION) - 1);
	buf[MGMT_HELLO_BOARD] = phy_board();
	answer(m, MGMT_RESULT_OK, buf, sizeof(buf));
}

static void counters(struct mgmt *m)
{
	const struct target_counters *t = &m->target->counters;
	const struct hub *h = m->hub;
	const u32 values[MGMT_COUNTERS_COUNT] = {
		[MGMT_COUNTERS_COMMANDS] = t->commands,
		[MGMT_COUNTERS_CHECKS] = t->checks,
		[MGMT_COUNTERS_BUSY] = t->busy,
		[MGMT_COUNTERS_RESETS] = t->resets,
		[MGMT_COUNTERS_DEVICE_RESETS] = t->device_resets,
		[MGMT_COUNTERS_ABORTS] = t->aborts,
		[MGMT_COUNTERS_PARITY_ERRORS] = t->parity_errors,
		[MGMT_COUNTERS_TIMEOUTS] = t->timeouts,
		[MGMT_COUNTERS_MESSAGES] = t->messages,
		[MGMT_COUNTERS_REJECTS] = t->rejects,
		[MGMT_COUNTERS_RETRIES] = t->retries,
		[MGMT_COUNTERS_DATA_IN] = t->data_in,
		[MGMT_COUNTERS_DATA_OUT] = t->data_out,
		[MGMT_COUNTERS_UP_PACKETS] = h->up_packets,
		[MGMT_COUNTERS_UP_DROPPED] = h->up_dropped,
		[MGMT_COUNTERS_DOWN_PACKETS] = h->down_packets,
		[MGMT_COUNTERS_DOWN_MALFORMED] = h->down_malformed,
		[MGMT_COUNTERS_DOWN_UNKNOWN] = h->down_unknown,
		[MGMT_COUNTERS_NO_ROOM] = h->busy,
		[MGMT_COUNTERS_NTB_MALFORMED] = m->ntb_malformed,
		[MGMT_COUNTERS_FRAME_ERRORS] = m->frame_errors,
		[MGMT_COUNTERS_DISCONNECTS] = t->disconnects,
		[MGMT_COUNTERS_RESELECTIONS] = t->reselections,
		[MGMT_COUNTERS_RESELECT_YIELDS] = t->yields,
		[MGMT_COUNTERS_RESELECT_UNANSWERED] = t->unanswered,
	};
	u8 buf[4 * MGMT_COUNTERS_COUNT];
	u32 i;

	for (i = 0; i < MGMT_COUNTERS_COUNT; i++)
		put32(buf + 4 * i, values[i]);
	for (i = 0; i < PHY_INITIATORS; i++)
		put32(buf + 4 * (MGMT_COUNTERS_SELECTIONS_0 + i),
		      t->selections[i]);
	answer(m, MGMT_RESULT_OK, buf, sizeof(buf));
}

_Static_assert(MGMT_COUNTERS_COUNT ==
	       MGMT_COUNTERS_SELECTIONS_0 + PHY_INITIATORS,
	       "selections come last, one for each initiator");

_Static_assert(MGMT_STATIONS == HUB_STATIONS, "hosts ask for each");

static void station(struct mgmt *m, u8 i)
{
	const struct hub_station *st = &m->hub->stations[i];
	const struct hub_counters *c = &st->counters;
	const u32 values[] = {
		[MGMT_STATION_COUNTERS_RX_MESSAGES] = c->rx_messages,
		[MGMT_STATION_COUNTERS_RX_PACKETS] = c->rx_packets,
		[MGMT_STATION_COUNTERS_RX_BYTES] = c->rx_bytes,
		[MGMT_STATION_COUNTERS_RX_MALFORMED] = c->rx_malformed,
		[MGMT_STATION_COUNTERS_RX_FORGED] = c->rx_forged,
		[MGMT_STATION_COUNTERS_RX_TOO_BIG] = c->rx_too_big,
		[MGMT_STATION_COUNTERS_RX_NOMEM] = c->rx_nomem,
		[MGMT_STATION_COUNTERS_RX_REORDERED] = c->rx_reordered,
		[MGMT_STATION_COUNTERS_TX_MESSAGES] = c->tx_messages,
		[MGMT_STATION_COUNTERS_TX_PACKETS] = c->tx_packets,
		[MGMT_STATION_COUNTERS_TX_BYTES] = c->tx_bytes,
		[MGMT_STATION_COUNTERS_TX_NULL] = c->tx_null,
		[MGMT_STATION_COUNTERS_TX_NO_EXT] = c->tx_no_ext,
		[MGMT_STATION_COUNTERS_TX_TOO_BIG] = c->tx_too_big,
		[MGMT_STATION_COUNTERS_TX_QUEUE_FULL] = c->tx_queue_full,
		[MGMT_STATION_COUNTERS_TX_PEER_DOWN] = c->tx_peer_down,
		[MGMT_STATION_COUNTERS_RELAYED] = c->relayed,
	};
	u8 buf[MGMT_STATION_SIZE + sizeof(values)] = { 0 };
	u32 n;

	_Static_assert(COUNT_OF(values) == MGMT_STATION_COUNTERS_COUNT,
		       "every counter has its value");
	buf[MGMT_STATION_INITIATOR] = i;
	buf[MGMT_STATION_KNOWN] = st->known;
	buf[MGMT_STATION_HELLO] = st->hello;
	buf[MGMT_STATION_UP] = st->up;
	memcpy(buf + MGMT_STATION_ADDRESS, st->desc.addr, 6);
	buf[MGMT_STATION_WAITING + 1] = st->queue.count;
	memcpy(buf + MGMT_STATION_NAME, st->desc.name,
	       strnlen(st->desc.name, MGMT_STATION_NAME_SIZE));
	for (n = 0; n < MGMT_STATION_COUNTERS_COUNT; n++)
		put32(buf + MGMT_STATION_SIZE + 4 * n, values[n]);
	answer(m, MGMT_RESULT_OK, buf, sizeof(buf));
}

static void settings_set(struct mgmt *m, const u8 *payload)
{
	struct settings settings;
	u8 result = MGMT_RESULT_OK;

	if (!settings_decode(&settings, payload))
		result = MGMT_RESULT_VALUE;
	else if (!settings_store(&settings))
		result = MGMT_RESULT_FLASH;
	else
		m->settings = settings;
	answer(m, result, NULL, 0);
}

static void update_state(struct mgmt *m)
{
	const struct update *up = &m->update;
	u8 buf[MGMT_UPDATE_STATE_SIZE] = { 0 };

	buf[MGMT_UPDATE_STATE_SLOT] = up->start.slot;
	buf[MGMT_UPDATE_STATE_TRIAL] = up->start.trial;
	buf[MGMT_UPDATE_STATE_FELL_BACK] = up->start.fell_back;
	buf[MGMT_UPDATE_STATE_SECONDS_LEFT] =
		update_seconds_left(up, m->hub->now);
	if (up->active) {
		put32(buf + MGMT_UPDATE_STATE_LENGTH,
		      get32(up->header + IMAGE_LENGTH));
		put32(buf + MGMT_UPDATE_STATE_NEXT, up->next);
	}
	answer(m, MGMT_RESULT_OK, buf, sizeof(buf));
}

static void request(struct mgmt *m)
{
	static const struct {
		u8 request;
		u16 shortest;
		u16 longest;
	} lengths[] = {
		{ MGMT_HELLO, 0, 0 },
		{ MGMT_COUNTERS, 0, 0 },
		{ MGMT_STATION, 1, 1 },
		{ MGMT_SETTINGS_GET, 0, 0 },
		{ MGMT_SETTINGS_SET, MGMT_SETTINGS_SIZE, MGMT_SETTINGS_SIZE },
		{ MGMT_RESTART, 0, 0 },
		{ MGMT_UPDATE_BEGIN, MGMT_UPDATE_BEGIN_SIZE,
		  MGMT_UPDATE_BEGIN_SIZE },
		{ MGMT_UPDATE_DATA, MGMT_UPDATE_DATA_DATA + 1,
		  MGMT_UPDATE_DATA_SIZE },
		{ MGMT_UPDATE_TRY, 0, 0 },
		{ MGMT_UPDATE_CONFIRM, MGMT_UPDATE_BEGIN_SIZE,
		  MGMT_UPDATE_BEGIN_SIZE },
		{ MGMT_UPDATE_STATE, 0, 0 },
	};
	const u8 *payload = m->in + MGMT_HEADER;
	u32 len = m->in_length - MGMT_HEADER - MGMT_CRC, i;
	u8 buf[MGMT_SETTINGS_SIZE], result = MGMT_RESULT_OK;

	for (i = 0; i < COUNT_OF(lengths); i++)
		if (lengths[i].request == m->in[0])
			break;
	if (i == COUNT_OF(lengths)) {
		answer(m, MGMT_RESULT_UNKNOWN, NULL, 0);
		return;
	}
	if (len < lengths[i].shortest || len > lengths[i].longest) {
		answer(m, MGMT_RESULT_LENGTH, NULL, 0);
		return;
	}
	switch (m->in[0]) {
	case MGMT_HELLO:
		hello(m);
		return;
	case MGMT_COUNTERS:
		counters(m);
		return;
	case MGMT_STATION:
		if (payload[0] < HUB_STATIONS) {
			station(m, payload[0]);
			return;
		}
		result = MGMT_RESULT_VALUE;
		break;
	case MGMT_SETTINGS_GET:
		settings_encode(&m->settings, buf);
		answer(m, MGMT_RESULT_OK, buf, sizeof(buf));
		return;
	case MGMT_SETTINGS_SET:
		settings_set(m, payload);
		return;
	case MGMT_RESTART:
		update_restart(&m->update, m->hub->now);
		break;
	case MGMT_UPDATE_BEGIN:
		result = update_begin(&m->update, payload);
		break;
	case MGMT_UPDATE_DATA:
		result = update_data(&m->update, payload, len);
		break;
	case MGMT_UPDATE_TRY:
		result = update_try(&m->update, m->hub->now);
		break;
	case MGMT_UPDATE_CONFIRM:
		result = update_confirm(&m->update, payload);
		break;
	case MGMT_UPDATE_STATE:
		update_state(m);
		return;
	}
	answer(m, result, NULL, 0);
}

static void frame(struct mgmt *m)
{
	u32 len = m->in_length, crc;

	if (!len)	/* END of the one before, END of the next */
		return;
	if (len < MGMT_HEADER + MGMT_CRC || m->in[0] & 0x80) {
		m->frame_errors++;
		return;
	}
	crc = get32(m->in + len - MGMT_CRC);
	if (crc != crc32(0, m->in, len - MGMT_CRC)) {
		m->frame_errors++;
		return;
	}
	if (m->answered && crc == m->last) {
		m->out_sent = 0;
		return;
	}
	m->last = crc;
	m->answered = true;
	request(m);
}

/**
 * mgmt_input - a byte of the line
 * @m: the port
 * @byte: the byte
 *
 * Time: that of a request; SETTINGS_SET, UPDATE_DATA and UPDATE_CONFIRM wait
 * for flash.
 */
void mgmt_input(struct mgmt *m, u8 byte)
{
	if (byte == SLIP_END) {
		if (m->broken || m->escaped)
			m->frame_errors++;
		else
			frame(m);
		m->in_length = 0;
		m->broken = false;
		m->escaped = false;
		return;
	}
	if (m->broken)
		return;
	if (m->escaped) {
		m->escaped = false;
		if (byte != SLIP_ESC_END && byte != SLIP_ESC_ESC) {
			m->broken = true;
			return;
		}
		byte = byte == SLIP_ESC_END ? SLIP_END : SLIP_ESC;
	} else if (byte == SLIP_ESC) {
		m->escaped = true;
		return;
	}
	if (m->in_length == sizeof(m->in))
		m->broken = true;
	else
		m->in[m->in_length++] = byte;
}

/**
 * mgmt_output - what is to be sent
 * @m: the port
 * @bytes: result
 *
 * Return: how many; some of them are gone with mgmt_sent().
 */
u32 mgmt_output(struct mgmt *m, const u8 **bytes)
{
	*bytes = m->out + m->out_sent;
	return m->out_length - m->out_sent;
}

/* So many bytes of mgmt_output() have gone */
void mgmt_sent(struct mgmt *m, u32 bytes)
{
	m->out_sent += bytes;
}

/* The host has closed the line: what was under way is forgotten */
void mgmt_closed(struct mgmt *m)
{
	m->in_length = 0;
	m->broken = false;
	m->escaped = false;
	m->answered = false;
	m->out_length = 0;
	m->out_sent = 0;
}
