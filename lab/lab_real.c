// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE /* ppoll */
#include "lab_real.h"

#include "lab_kernel.h"

#include <poll.h>
#include <time.h>

int64_t lab_real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void lab_real_wait(struct lab_run *run, int64_t epoch, int64_t at)
{
	struct pollfd fds[LAB_NODES_MAX * LAB_PORTS_MAX];
	struct lab_net *net = &run->net;
	int64_t left = min_i64(at - (lab_real_now() - epoch), NS_PER_MS);
	struct timespec ts = { .tv_nsec = max_i64(left, 0) };
	nfds_t n = 0;

	for (int i = 0; i < net->n_nodes; i++) {
		struct lab_host *h = (struct lab_host *)net->nodes[i];

		if (!lab_node_is_kernel(net->nodes[i]) || !h->on)
			continue;
		lab_kernel_look(h);
		for (int k = 0; k < h->node.n_ports; k++)
			fds[n++] = (struct pollfd){ lab_kernel_fd(h, k), POLLIN,
						    0 };
	}
	if (left > 0)
		ppoll(fds, n, &ts, NULL);
	net->now = max_i64(net->now, lab_real_now() - epoch);
}
