// SPDX-License-Identifier: BSD-2-Clause
/*
 * The questions that a control socket answers: a table, a function each.
 *
 * An answer is made row by row as the reader takes it, so a table of a million
 * sockets needs no memory here, and is not of one instant: a socket made or
 * gone meanwhile may be missing or shown (tern_sock_next()).
 */
#include "control/control_messages.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

static json_t *next_hello(struct control_question *q)
{
	if (q->cursor++)
		return NULL;
	return json_pack("{s:s, s:s, s:i}", "name", q->name, "version",
			 tern_version(), "pid", (int)getpid());
}

/* TCP_INFO's fields, by their own names. */
#define FIELD(f)                                               \
	{                                                      \
#f, offsetof(struct tern_tcp_info, f),         \
			sizeof(((struct tern_tcp_info *)0)->f) \
	}

static const struct {
	const char *name;
	size_t offset, size;
} info_fields[] = {
	FIELD(state),
	FIELD(ca_state),
	FIELD(retransmits),
	FIELD(probes),
	FIELD(backoff),
	FIELD(options),
	FIELD(wscale),
	FIELD(rto),
	FIELD(ato),
	FIELD(snd_mss),
	FIELD(rcv_mss),
	FIELD(unacked),
	FIELD(sacked),
	FIELD(lost),
	FIELD(retrans),
	FIELD(last_data_sent),
	FIELD(last_ack_sent),
	FIELD(last_data_recv),
	FIELD(last_ack_recv),
	FIELD(pmtu),
	FIELD(rcv_ssthresh),
	FIELD(rtt),
	FIELD(rttvar),
	FIELD(snd_ssthresh),
	FIELD(snd_cwnd),
	FIELD(advmss),
	FIELD(reordering),
	FIELD(rcv_rtt),
	FIELD(rcv_space),
	FIELD(total_retrans),
	FIELD(pacing_rate),
	FIELD(max_pacing_rate),
	FIELD(bytes_acked),
	FIELD(bytes_received),
	FIELD(segs_out),
	FIELD(segs_in),
	FIELD(notsent_bytes),
	FIELD(min_rtt),
	FIELD(data_segs_in),
	FIELD(data_segs_out),
	FIELD(delivery_rate),
	FIELD(busy_time),
	FIELD(rwnd_limited),
	FIELD(sndbuf_limited),
	FIELD(delivered),
	FIELD(delivered_ce),
	FIELD(bytes_sent),
	FIELD(bytes_retrans),
	FIELD(dsack_dups),
	FIELD(reord_seen),
	FIELD(rcv_ooopack),
	FIELD(snd_wnd),
	FIELD(rcv_wnd),
	FIELD(total_rto),
	FIELD(total_rto_time),
};

static uint64_t field_value(const struct tern_tcp_info *info, size_t i)
{
	const char *at = (const char *)info + info_fields[i].offset;
	uint64_t v = 0;

	switch (info_fields[i].size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)(const void *)at;
	case 4:
		return *(const uint32_t *)(const void *)at;
	}
	memcpy(&v, at, sizeof(v));
	return v;
}

static json_t *info_row(const struct tern_tcp_info *info)
{
	json_t *row = json_object();

	for (size_t i = 0; i < sizeof(info_fields) / sizeof(*info_fields); i++)
		json_object_set_new(
			row, info_fields[i].name,
			json_integer((json_int_t)field_value(info, i)));
	return row;
}

static json_t *socket_row(struct control_question *q,
			  const struct tern_sock_info *info)
{
	/* ss's words for the timers of tern_sock_info. */
	static const char *const timers[] = { "off", "on", "keepalive",
					      "timewait", "persist" };
	char local[TERN_ADDR_STRLEN], remote[TERN_ADDR_STRLEN];
	int64_t left = info->timer_at == TERN_NEVER ?
			       -1 :
			       info->timer_at - host_now(q->host);
	struct tern_tcp_info tcp;
	json_t *row;

	row = json_pack(
		"{s:s, s:s, s:i, s:i, s:i, s:s, s:i, s:s, s:i, s:s, s:I, s:i, "
		"s:I}",
		"protocol", info->protocol == TERN_IPPROTO_TCP ? "tcp" : "udp",
		"state", tern_tcp_state_name(info->state), "socket", info->s,
		"recv_q", (int)info->rx_queue, "send_q", (int)info->tx_queue,
		"local", tern_addr_print(&info->local.addr, local), "lport",
		(int)info->local.port, "remote",
		tern_addr_print(&info->remote.addr, remote), "rport",
		(int)info->remote.port, "timer", timers[info->timer % 5],
		"timer_ns", (json_int_t)(left < 0 ? 0 : left), "retransmits",
		info->retransmits, "cookie", (json_int_t)info->cookie);
	if (row && json_is_true(json_object_get(q->args, "info")) &&
	    tern_sock_tcp_info(host_stack(q->host), info->cookie, &tcp,
			       host_now(q->host)) == 0)
		json_object_set_new(row, "info", info_row(&tcp));
	return row;
}

static json_t *next_socket(struct control_question *q)
{
	struct tern_sock_info info;

	if (!tern_sock_next(host_stack(q->host), &q->cursor, &info))
		return NULL;
	return socket_row(q, &info);
}

static json_t *next_counter(struct control_question *q)
{
	int i = (int)q->cursor++;
	const struct tern_counter *c = tern_counter_at(i);

	if (!c)
		return NULL;
	return json_pack("{s:s, s:I, s:s}", "name", c->name, "value",
			 (json_int_t)tern_counter_get(host_stack(q->host), i),
			 "help", c->help);
}

static json_t *next_drop(struct control_question *q)
{
	int i = (int)q->cursor++;

	if (!tern_drop_name(i))
		return NULL;
	return json_pack("{s:s, s:I, s:s}", "name", tern_drop_name(i), "value",
			 (json_int_t)tern_drop_count(host_stack(q->host), i),
			 "help", tern_drop_help(i));
}

static json_t *tunable_row(struct control_question *q, const char *name,
			   const struct tern_tunable *t)
{
	char value[256];
	int n = tern_sysctl_get(host_stack(q->host), name, value,
				sizeof(value));

	if (n < 0) {
		q->error = n;
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:s}", "name", t ? t->name : name,
			 "value", value, "unit", t ? t->unit : "", "help",
			 t ? t->help : "");
}

/* One tunable by name, after setting it if there is a value; or all. */
static json_t *next_tunable(struct control_question *q)
{
	const char *name = json_string_value(json_object_get(q->args, "name"));
	const char *value =
		json_string_value(json_object_get(q->args, "value"));
	const struct tern_tunable *t;
	int i = (int)q->cursor++;

	if (!name) {
		t = tern_tunable_at(i);
		return t ? tunable_row(q, t->name, t) : NULL;
	}
	if (i)
		return NULL;
	if (value)
		q->error = tern_sysctl_set(host_stack(q->host), name, value,
					   host_now(q->host));
	t = tern_tunable_nearest(name);
	return q->error ? NULL : tunable_row(q, name, t);
}

static json_t *next_memory(struct control_question *q)
{
	struct tern_memory m;

	if (q->cursor++)
		return NULL;
	tern_stack_memory(host_stack(q->host), &m);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
			 (json_int_t)m.total, "connections",
			 (json_int_t)m.connections, "tables",
			 (json_int_t)m.tables, "active", (json_int_t)m.active,
			 "time_wait", (json_int_t)m.time_wait, "half_open",
			 (json_int_t)m.half_open, "packets",
			 (json_int_t)m.packets, "pool",
			 (json_int_t)tern_pool_footprint(host_pool(q->host)));
}

static const struct control_message messages[] = {
	{ "hello", "who is there", next_hello },
	{ "sockets", "the socket table; args: info (bool)", next_socket },
	{ "counters", "counters, as nstat", next_counter },
	{ "drops", "why packets were dropped", next_drop },
	{ "tunables", "tunables; args: name, value to set", next_tunable },
	{ "memory", "bytes by what they are for", next_memory },
};

const struct control_message *control_message_find(const char *name)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		if (!strcmp(messages[i].name, name))
			return &messages[i];
	}
	return NULL;
}
