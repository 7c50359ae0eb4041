// SPDX-License-Identifier: BSD-2-Clause
#include "tools/trace_ladder.h"

#include "tools/ask.h"

#include "lab/lab_script.h"
#include "lab/ladder_trace.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

/* An IP packet, and room for headers of one that the host merged. */
#define PACKET_MAX 65575u

static struct tern_sockaddr end_of(const json_t *row, const char *addr,
				   const char *port)
{
	struct tern_sockaddr end = { 0 };

	tern_addr_parse(row_text(row, addr), NULL, &end.addr);
	end.port = (uint16_t)row_number(row, port);
	return end;
}

/* The packet's length; what the row does not have of it is zero. */
static uint32_t read_packet(const json_t *row, uint8_t *out)
{
	const char *hex = row_text(row, "bytes");
	uint32_t n = 0, len = (uint32_t)row_number(row, "len");
	unsigned byte;

	for (; n < PACKET_MAX && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (uint8_t)byte;
	if (len <= n || len > PACKET_MAX)
		return n;
	memset(out + n, 0, len - n);
	return len;
}

static void on_packet(struct ladder_conns *lc, const json_t *row,
		      const struct tern_sockaddr *local)
{
	static uint8_t bytes[PACKET_MAX];
	uint32_t n = read_packet(row, bytes);
	int conn;

	lc->here = local;
	conn = ladder_conns_packet(lc, bytes, n, row_number(row, "at_ns"));
	lc->here = NULL;
	if (conn >= 0 && json_is_true(json_object_get(row, "out")))
		ladder_conns_half_open(lc, conn);
}

static void on_drop(struct ladder_conns *lc, const json_t *row,
		    const struct tern_sockaddr *local,
		    const struct tern_sockaddr *remote)
{
	int conn = ladder_conns_find(lc, local, remote);
	char text[80];

	/* A reset has been acted upon. */
	if (conn < 0 || !strcmp(row_text(row, "what"), "TCP_RESET"))
		return;
	snprintf(text, sizeof(text), "dropped: %s", row_text(row, "what"));
	ladder_conns_add(lc, conn, local, LADDER_NOTE, text,
			 row_number(row, "at_ns"));
}

static void on_trace(struct ladder_conns *lc, const json_t *row,
		     const struct tern_sockaddr *local,
		     const struct tern_sockaddr *remote)
{
	struct tern_trace t = {
		.kind = strcmp(row_text(row, "event"), "state") ?
				TERN_TRACE_TIMER :
				TERN_TRACE_STATE,
		.now = row_number(row, "at_ns"),
		.from = lab_state_find(row_text(row, "from")),
		.to = lab_state_find(row_text(row, "state")),
		.what = row_text(row, "what"),
	};
	struct ladder_event e[2];
	int n = ladder_trace(&t, e);
	int conn = t.to == TERN_TCP_SYN_SENT ?
			   -1 :
			   ladder_conns_find(lc, local, remote);

	if (conn < 0)
		conn = ladder_conns_open(lc, local, remote);
	for (int i = 0; i < n; i++)
		ladder_conns_add(lc, conn, local, e[i].kind, e[i].text, t.now);
}

void trace_ladder_row(struct ladder_conns *lc, const json_t *row)
{
	struct tern_sockaddr local = end_of(row, "local", "lport");
	struct tern_sockaddr remote = end_of(row, "remote", "rport");
	const char *event = row_text(row, "event");

	if (!strcmp(event, "packet"))
		on_packet(lc, row, &local);
	else if (!strcmp(event, "drop"))
		on_drop(lc, row, &local, &remote);
	else if (remote.port &&
		 (!strcmp(event, "state") || !strcmp(event, "timer")))
		on_trace(lc, row, &local, &remote);
}
