// SPDX-License-Identifier: BSD-2-Clause
/* A row for each field, in the order of struct tern_tcp_info. */
#include "lab_info.h"

#include "base/bytes.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define FIELD(f)                                                  \
	{                                                         \
#f, offsetof(struct tern_tcp_info, f),            \
			sizeof(((struct tern_tcp_info *)NULL)->f) \
	}

static const struct {
	const char *name;
	size_t offset, size;
} fields[] = {
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
	FIELD(total_rto_recoveries),
	FIELD(total_rto_time),
};

const char *lab_info_at(int i)
{
	return i >= 0 && (size_t)i < ARRAY_LEN(fields) ? fields[i].name : NULL;
}

int lab_info_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!strcasecmp(name, fields[i].name))
			return (int)i;
	}
	return -1;
}

uint64_t lab_info_value(const struct tern_tcp_info *info, int i)
{
	const char *at = (const char *)info + fields[i].offset;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (fields[i].size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		memcpy(&v16, at, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, at, sizeof(v32));
		return v32;
	}
	memcpy(&v64, at, sizeof(v64));
	return v64;
}
