// SPDX-License-Identifier: BSD-2-Clause
/*
 * The options of run_options.h, read into a struct run_host_config.
 */
#include "tools/run_options.h"

#define LEAST_MEMORY (UINT64_C(1) << 20) /* tables and one connection */

static bool add_text(const struct command *command, const char **list, int *n,
		     const char *value, const char *option)
{
	if (*n < RUN_HOST_MAX) {
		list[(*n)++] = value;
		return true;
	}
	tool_error(command, "at most %d times --%s", RUN_HOST_MAX, option);
	return false;
}

static bool add_addr(const struct command *command, struct run_host_config *c,
		     const char *option, const char *value)
{
	if (c->n_addrs == RUN_HOST_MAX) {
		tool_error(command, "at most %d addresses", RUN_HOST_MAX);
		return false;
	}
	return parse_cidr(command, option, value, &c->addrs[c->n_addrs++]);
}

static bool add_gw(const struct command *command, struct run_host_config *c,
		   const char *option, const char *value)
{
	if (c->n_gws == RUN_HOST_MAX) {
		tool_error(command, "at most %d addresses", RUN_HOST_MAX);
		return false;
	}
	return parse_addr(command, option, value, &c->gws[c->n_gws++]);
}

bool run_option_take(const struct command *command, struct run_host_config *c,
		     int row, const char *value)
{
	const char *option = command->options[row].name;

	switch (row) {
	case RUN_OPT_TUN:
		c->tun = value;
		return true;
	case RUN_OPT_ADDR:
	case RUN_OPT_ADDR6:
		return add_addr(command, c, option, value);
	case RUN_OPT_GW:
	case RUN_OPT_GW6:
		return add_gw(command, c, option, value);
	case RUN_OPT_NAME:
		c->name = value;
		return true;
	case RUN_OPT_SET:
		return add_text(command, c->sets, &c->n_sets, value, option);
	case RUN_OPT_MTU:
		/* 1,280: with less there is no IPv6 (RFC 8200 5). */
		return parse_number(command, option, value, 65535, &c->mtu);
	case RUN_OPT_MAX_MEMORY:
		return parse_size(command, option, value, LEAST_MEMORY,
				  &c->max_memory);
	case RUN_OPT_NO_OFFLOAD:
		c->no_offload = true;
		return true;
	case RUN_OPT_CAPTURE:
		c->capture = value;
		return true;
	case RUN_OPT_RECORD:
		c->record = value;
		return true;
	case RUN_OPT_FLIGHT:
		c->has_flight = true;
		c->flight = value;
		return true;
	case RUN_OPT_FLIGHT_SIZE:
		return parse_size(command, option, value, RUN_LEAST_FLIGHT,
				  &c->flight_size);
	case RUN_OPT_RESOLV:
		c->resolv = value;
		return true;
	case RUN_OPT_SEED:
		c->has_seed = true;
		return parse_number(command, option, value, UINT64_MAX,
				    &c->seed);
	case RUN_OPT_VERBOSE:
		c->verbose = true;
		return true;
	}
	return false;
}
