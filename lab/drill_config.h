// SPDX-License-Identifier: BSD-2-Clause
/*
 * The options of a script's head and of the command line: one table for both.
 * The command line's win.
 */
#ifndef LAB_DRILL_CONFIG_H
#define LAB_DRILL_CONFIG_H

#include "drill_mem.h"

#include <tern/socket.h>

#include <stdint.h>

enum drill_ip_version {
	DRILL_IPV4,
	DRILL_IPV4_MAPPED,
	DRILL_IPV6,
};

/* A user's symbol: --define=NAME=VALUE. */
struct drill_define {
	struct drill_define *next;
	const char *name, *value;
};

struct drill_adapter;

struct drill_config {
	enum drill_ip_version ip_version;
	uint16_t bind_port, connect_port;
	struct tern_addr local_ip, remote_ip, gateway_ip; /* any: default */
	uint8_t prefix;
	uint32_t mtu, mss;
	int64_t tolerance_ns;
	double tolerance_percent;
	int64_t ts_tick_us;
	bool ts_ecr_scaled;
	bool strict_segments;
	bool non_fatal_packet, non_fatal_call;
	bool dry_run;
	bool is_anyip;
	int verbose;
	const char *init_scripts; /* comma-separated, or NULL */
	struct drill_define *defines;
	const char *refused; /* why a script with this option is skipped */

	/* ours */
	bool portable;
	bool thorough;
	bool kernel; /* not tern: the kernel beneath */
	/* Calls of one instant are all made before the link takes packets. */
	bool lazy_link;
	uint64_t seed;
	const char *record;	 /* the run is written there; or NULL */
	struct lab_fault *fault; /* what fails in this run; or NULL */
	/* Another's stack than tern's; its netdev_receive() may wait. */
	struct drill_adapter *(*new_adapter)(const struct drill_config *,
					     int64_t now, const char **why);
};

void drill_config_init(struct drill_config *);
/* Fills in what depends on the IP version. */
void drill_config_finish(struct drill_config *);

struct drill_config_row {
	const char *name;
	const char *value; /* what it is called; NULL: none */
	const char *help;
	/* NULL, or what is wrong with the value. */
	const char *(*set)(struct drill_config *, const char *value,
			   struct drill_mem *);
};

/* The i-th option, NULL past the last. */
const struct drill_config_row *drill_config_row(int i);

/* NULL, or what is wrong. value NULL: it was given without one. */
const char *drill_config_set(struct drill_config *, const char *name,
			     const char *value, struct drill_mem *);

#endif
