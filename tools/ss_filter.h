// SPDX-License-Identifier: BSD-2-Clause
/* The filters of ss(8): states, and expressions over addresses and ports. */
#ifndef TOOLS_SS_FILTER_H
#define TOOLS_SS_FILTER_H

#include "control/control_socket.h"
#include "tools/tool.h"

#define SS_STATE(s) (1u << (s))
/* What ss shows without being told: all but listeners, TIME_WAIT, half-open. */
#define SS_STATES_ALL 0xffeu
#define SS_STATES_CONNECTED                                       \
	(SS_STATES_ALL &                                          \
	 ~(SS_STATE(TERN_TCP_LISTEN) | SS_STATE(TERN_TCP_CLOSE) | \
	   SS_STATE(TERN_TCP_TIME_WAIT) | SS_STATE(TERN_TCP_SYN_RECV)))

struct ss_node;

struct ss_filter {
	uint32_t states; /* SS_STATE() of those shown */
	bool has_states; /* the words have said which */
	struct ss_node *root;
};

/* Reads "state S exclude S EXPRESSION" from words. False after telling what is
 * wrong. f->states is what holds without such words. */
bool ss_filter_read(const struct command *, struct ss_filter *f, int n,
		    char **words);
bool ss_filter_passes(const struct ss_filter *, const struct tern_sock_info *);
void ss_filter_free(struct ss_filter *);

#endif
