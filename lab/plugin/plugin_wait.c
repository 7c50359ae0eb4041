// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waiting. The thread that runs the script has nobody who would move the clock
 * for it, so it does so itself; any other sleeps, in truth, as the tool looks
 * at its state in /proc, until it is woken with the result.
 */
#include "plugin.h"

#include "base/time.h"

#include <errno.h>

/* How long the script's own thread may wait, in virtual time. */
#define PATIENCE (100000 * NS_PER_S)

static int64_t now(void)
{
	return plugin.a->ops->now(plugin.a);
}

/* True if it is over. */
static bool attempt(struct plugin_op *op)
{
	int64_t result = op->step(plugin.a, op);

	if (result == DRILL_WAIT)
		return false;
	op->result = result;
	op->end_at = now();
	op->is_done = true;
	return true;
}

void plugin_retry(void)
{
	struct plugin_op **at = &plugin.waiting, *op;

	while ((op = *at) != NULL) {
		op->timed_out |= now() >= op->wake_at;
		if (!attempt(op)) {
			at = &op->next;
			continue;
		}
		*at = op->next;
		pthread_cond_broadcast(&plugin.woken);
	}
}

static void give_up(struct plugin_op *op)
{
	struct plugin_op **at = &plugin.waiting;

	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	op->result = -EINTR;
}

static void wait_for(struct plugin_op *op)
{
	bool mine = pthread_equal(pthread_self(), plugin.owner);
	int64_t until = now() + PATIENCE, ns;

	if (op->wake_at == NEVER && op->timeout_opt) {
		ns = drill_wait_patience(plugin.a, op->fd, op->timeout_opt);
		op->wake_at = ns ? op->started_at + ns : NEVER;
	}
	op->next = plugin.waiting;
	plugin.waiting = op;
	while (!op->is_done && mine) {
		if (!plugin_step(until)) {
			give_up(op);
			break;
		}
	}
	while (!op->is_done && !mine)
		pthread_cond_wait(&plugin.woken, &plugin.lock);
}

int64_t plugin_call(struct plugin_op *op)
{
	if (!plugin.is_open)
		return -EBADF;
	op->started_at = now();
	op->wake_at = NEVER;
	if (!attempt(op))
		wait_for(op);
	/* What it did may be what another call waits for. */
	if (plugin.is_open)
		plugin_retry();
	if (!pthread_equal(pthread_self(), plugin.owner)) {
		plugin.has_end = true;
		plugin.end_at = op->end_at;
	}
	return op->result;
}
