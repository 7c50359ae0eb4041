// SPDX-License-Identifier: BSD-2-Clause
/* Leaving slow start before it overflows the queue. Its state is the
 * controller's; zero it, then cc_hystart_begin(). */
#ifndef CC_HYSTART_H
#define CC_HYSTART_H

#include <tern/cc.h>

enum { CC_HYSTART_OFF, CC_HYSTART_LINUX, CC_HYSTART_PLUS };

struct cc_hystart {
	uint32_t round_us, last_ack_us; /* us, modulo 2^32 */
	uint32_t round_end;		/* snd.nxt when the round began */
	uint32_t round_rtt_us, last_rtt_us;
	uint32_t base_rtt_us; /* HyStart++: when its careful phase began */
	uint8_t n_samples;
	uint8_t n_careful; /* rounds of that phase so far, and one; 0: none */
	uint8_t rest;	   /* quarters of a segment of growth */
	bool found;
};

void cc_hystart_begin(struct cc_hystart *, const struct tern_cc_view *);

/* A round trip was measured in slow start; may set ssthresh to cwnd. min_us:
 * the least one that the controller has seen. paced: is its output? */
void cc_hystart_rtt(struct cc_hystart *, struct tern_cc_view *, uint32_t rtt_us,
		    uint32_t min_us, bool paced);

/* By how much of `acked` slow start may grow (HyStart++: a quarter in its
 * careful phase). */
uint32_t cc_hystart_growth(struct cc_hystart *, uint32_t acked);

#endif
