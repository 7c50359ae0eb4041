// SPDX-License-Identifier: BSD-2-Clause
/*
 * Times and errors as control messages, for UDP and TCP alike.
 */
#include "ip/ip_cmsg.h"

#include "base/time.h"

void ip_cmsg_times(const struct tern_stack *st, struct cmsg_out *out,
		   const struct cmsg_times *t, int64_t at)
{
	int64_t ns = st->cfg.epoch_ns + at;
	/* struct timespec or timeval; of SO_TIMESTAMPING's three only the
	 * first is by software. */
	long v[6] = { (long)(ns / NS_PER_S), (long)(ns % NS_PER_S) };

	if (t->ns) {
		cmsg_put(out, TERN_SOL_SOCKET, TERN_SO_TIMESTAMPNS, v,
			 2 * sizeof(v[0]));
	} else if (t->us) {
		long us[2] = { v[0], v[1] / (long)NS_PER_US };

		cmsg_put(out, TERN_SOL_SOCKET, TERN_SO_TIMESTAMP, us,
			 sizeof(us));
	}
	if (t->stamping & STAMPING_SOFTWARE)
		cmsg_put(out, TERN_SOL_SOCKET, TERN_SO_TIMESTAMPING, v,
			 sizeof(v));
}

void ip_cmsg_error(struct cmsg_out *out, bool v6, const struct errq_cb *cb)
{
	uint16_t family = v6 ? TERN_AF_INET6 : TERN_AF_INET;
	uint32_t error = cb->error;
	uint8_t ee[16 + 28] = { 0 }, *from = ee + 16;

	memcpy(ee, &error, 4);
	ee[4] = cb->origin;
	ee[5] = cb->type;
	ee[6] = cb->code;
	memcpy(ee + 8, &cb->info, 4);
	memcpy(ee + 12, &cb->data, 4);
	if (cb->origin == ERRQ_ICMP || cb->origin == ERRQ_ICMP6) {
		memcpy(from, &family, 2);
		if (v6)
			memcpy(from + 8, cb->from.b, 16);
		else
			memcpy(from + 4, cb->from.b + 12, 4);
	}
	if (v6)
		cmsg_put(out, TERN_IPPROTO_IPV6, TERN_IPV6_RECVERR, ee,
			 16 + 28);
	else
		cmsg_put(out, TERN_IPPROTO_IP, TERN_IP_RECVERR, ee, 16 + 16);
}
