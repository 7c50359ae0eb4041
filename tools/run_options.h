// SPDX-License-Identifier: BSD-2-Clause
/*
 * The options that describe a host, for each command that makes one. A
 * command's table begins with RUN_OPTION_ROWS; its own follow from
 * RUN_OPT_N on.
 */
#ifndef TOOLS_RUN_OPTIONS_H
#define TOOLS_RUN_OPTIONS_H

#include "tools/run_host.h"

enum {
	RUN_OPT_TUN,
	RUN_OPT_ADDR,
	RUN_OPT_GW,
	RUN_OPT_ADDR6,
	RUN_OPT_GW6,
	RUN_OPT_NAME,
	RUN_OPT_SET,
	RUN_OPT_MTU,
	RUN_OPT_MAX_MEMORY,
	RUN_OPT_NO_OFFLOAD,
	RUN_OPT_CAPTURE,
	RUN_OPT_RECORD,
	RUN_OPT_FLIGHT,
	RUN_OPT_FLIGHT_SIZE,
	RUN_OPT_RESOLV,
	RUN_OPT_SEED,
	RUN_OPT_VERBOSE,
	RUN_OPT_N,
};

#define RUN_OPTION_ROWS                                                                  \
	[RUN_OPT_TUN] = { "tun", "NAME", "the TUN device to make" },                     \
	[RUN_OPT_ADDR] = { "addr", "CIDR",                                               \
			   "the program's, as 10.0.0.2/24 or fd00::2/64; again for "     \
			   "more" },                                                     \
	[RUN_OPT_GW] = { "gw", "ADDR",                                                   \
			 "the kernel's side (default: first other one of the "           \
			 "prefix)" },                                                    \
	[RUN_OPT_ADDR6] = { "addr6", "CIDR", NULL },                                     \
	[RUN_OPT_GW6] = { "gw6", "ADDR", NULL },                                         \
	[RUN_OPT_NAME] = { "name", "HOST",                                               \
			   "for tern ss --host (default: the device's)" },               \
	[RUN_OPT_SET] = { "set", "KNOB=V",                                               \
			  "a tunable, as tern sysctl --list names it; again for "        \
			  "more" },                                                      \
	[RUN_OPT_MTU] = { "mtu", "BYTES", "of the device (default: 1500)" },             \
	[RUN_OPT_MAX_MEMORY] = { "max-memory", "SIZE",                                   \
				 "of the stack; beyond it calls give ENOMEM (as 64m)" }, \
	[RUN_OPT_NO_OFFLOAD] = { "no-offload", NULL,                                     \
				 "packets as a wire would carry them" },                 \
	[RUN_OPT_CAPTURE] = { "capture", "FILE", "every packet, as pcapng" },            \
	[RUN_OPT_RECORD] = { "record", "FILE",                                           \
			     "all that goes in, for replay" },                           \
	[RUN_OPT_FLIGHT] = { "flight-recorder", "[=FILE]",                               \
			     "connections that end abnormally, for replay" },            \
	[RUN_OPT_FLIGHT_SIZE] = { "flight-size", "SIZE", NULL },                         \
	[RUN_OPT_RESOLV] = { "resolv", "FILE",                                           \
			     "its /etc/resolv.conf (default: servers in reach)" },       \
	[RUN_OPT_SEED] = { "seed", "N",                                                  \
			   "for tests: sequence numbers and ports are then no "          \
			   "secret" },                                                   \
	[RUN_OPT_VERBOSE] = { "verbose", NULL, "tell what is done" }

/* Of --flight-size: a connection of a few hundred calls. */
#define RUN_LEAST_FLIGHT (UINT64_C(64) << 10)

/* Takes one of these rows. False: it was wrong, and that has been told. */
bool run_option_take(const struct command *, struct run_host_config *, int row,
		     const char *value);

#endif
