// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of options. Those that only make sense with a kernel, a second
 * machine or a Python interpreter are known too: some change nothing here,
 * some make a script one that is skipped.
 */
#include "drill_config.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void drill_config_init(struct drill_config *c)
{
	*c = (struct drill_config){
		.bind_port = 8080,
		.connect_port = 8080,
		.tolerance_ns = 4000000,
		.tolerance_percent = 12.5,
		.mtu = 1500,
		.seed = 1,
	};
}

static void set_default(struct tern_addr *a, const char *text)
{
	if (tern_addr_is_any(a))
		tern_addr_parse(text, NULL, a);
}

void drill_config_finish(struct drill_config *c)
{
	bool v6 = c->ip_version == DRILL_IPV6;

	set_default(&c->local_ip, v6 ? "fd3d:0a0b:17d6::1" : "192.168.0.1");
	set_default(&c->gateway_ip,
		    v6 ? "fd3d:0a0b:17d6:8888::1" : "192.168.0.1");
	set_default(&c->remote_ip, v6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1");
	if (!c->prefix)
		c->prefix = v6 ? 64 : 16;
}

static const char *number(const char *value, int64_t min, int64_t max,
			  int64_t *out)
{
	char *end;

	if (!value || !*value)
		return "needs a number";
	*out = strtoll(value, &end, 0);
	if (*end)
		return "is no number";
	return *out < min || *out > max ? "is out of range" : NULL;
}

#define SET_NUMBER(field, min, max)                                  \
	static const char *set_##field(struct drill_config *c,       \
				       const char *value,            \
				       struct drill_mem *mem)        \
	{                                                            \
		int64_t n = 0;                                       \
		const char *wrong = number(value, (min), (max), &n); \
                                                                     \
		if (!wrong)                                          \
			c->field = (__typeof__(c->field))n;          \
		return wrong;                                        \
	}

SET_NUMBER(bind_port, 0, 65535)
SET_NUMBER(connect_port, 0, 65535)
SET_NUMBER(mtu, 68, 65535)
SET_NUMBER(mss, 0, 65535)
SET_NUMBER(ts_tick_us, 0, 1000000000)
SET_NUMBER(seed, 0, INT64_MAX)

#define SET_FLAG(field)                                        \
	static const char *set_##field(struct drill_config *c, \
				       const char *value,      \
				       struct drill_mem *mem)  \
	{                                                      \
		c->field = !value || strcmp(value, "0") != 0;  \
		return NULL;                                   \
	}

SET_FLAG(ts_ecr_scaled)
SET_FLAG(strict_segments)
SET_FLAG(dry_run)
SET_FLAG(is_anyip)
SET_FLAG(portable)
SET_FLAG(thorough)
SET_FLAG(kernel)
SET_FLAG(lazy_link)

#define SET_ADDR(field)                                                       \
	static const char *set_##field(struct drill_config *c,                \
				       const char *value,                     \
				       struct drill_mem *mem)                 \
	{                                                                     \
		if (!value ||                                                 \
		    tern_addr_parse(value, NULL, &c->field) != strlen(value)) \
			return "is no address";                               \
		return NULL;                                                  \
	}

SET_ADDR(local_ip)
SET_ADDR(remote_ip)
SET_ADDR(gateway_ip)

static const char *set_ip_version(struct drill_config *c, const char *value,
				  struct drill_mem *mem)
{
	static const char *const names[] = { "ipv4", "ipv4-mapped-ipv6",
					     "ipv6" };
	unsigned i;

	for (i = 0; value && i < ARRAY_LEN(names); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		c->ip_version = (enum drill_ip_version)i;
		return NULL;
	}
	return "is ipv4, ipv6 or ipv4-mapped-ipv6";
}

static const char *set_netmask(struct drill_config *c, const char *value,
			       struct drill_mem *mem)
{
	struct tern_addr a;
	uint32_t mask;

	if (!value || !tern_addr_parse(value, NULL, &a) || !tern_addr_is_v4(&a))
		return "is no netmask";
	mask = get_be32(a.b + 12);
	if (mask & (~mask >> 1) || !mask)
		return "is no netmask";
	c->prefix = (uint8_t)__builtin_popcount(mask);
	return NULL;
}

static const char *set_tolerance(struct drill_config *c, const char *value,
				 struct drill_mem *mem)
{
	int64_t us = 0;
	const char *wrong = number(value, 0, 1000000000, &us);

	if (!wrong)
		c->tolerance_ns = us * 1000;
	return wrong;
}

static const char *set_percent(struct drill_config *c, const char *value,
			       struct drill_mem *mem)
{
	char *end;
	double v;

	if (!value || !*value)
		return "needs a number";
	v = strtod(value, &end);
	if (*end || !(v >= 0 && v < 1e6))
		return "is no percentage";
	c->tolerance_percent = v;
	return NULL;
}

static const char *set_non_fatal(struct drill_config *c, const char *value,
				 struct drill_mem *mem)
{
	char copy[64], *word, *rest = copy;

	if (!value || strlen(value) >= sizeof(copy))
		return "is packet, syscall or both";
	strcpy(copy, value);
	while ((word = strtok_r(rest, ",", &rest))) {
		if (!strcmp(word, "packet"))
			c->non_fatal_packet = true;
		else if (!strcmp(word, "syscall"))
			c->non_fatal_call = true;
		else
			return "is packet, syscall or both";
	}
	return NULL;
}

static const char *set_record(struct drill_config *c, const char *value,
			      struct drill_mem *mem)
{
	if (!value || !*value)
		return "needs a file";
	c->record = drill_mem_copy(mem, value, strlen(value));
	return NULL;
}

static const char *set_init_scripts(struct drill_config *c, const char *value,
				    struct drill_mem *mem)
{
	c->init_scripts = value ? drill_mem_copy(mem, value, strlen(value)) :
				  NULL;
	return NULL;
}

static const char *set_define(struct drill_config *c, const char *value,
			      struct drill_mem *mem)
{
	const char *equals = value ? strchr(value, '=') : NULL;
	struct drill_define *d;

	if (!equals || equals == value)
		return "is NAME=VALUE";
	d = DRILL_NEW(mem, struct drill_define);
	d->name = drill_mem_copy(mem, value, (size_t)(equals - value));
	d->value = drill_mem_copy(mem, equals + 1, strlen(equals + 1));
	d->next = c->defines;
	c->defines = d;
	return NULL;
}

static const char *set_verbose(struct drill_config *c, const char *value,
			       struct drill_mem *mem)
{
	c->verbose++;
	return NULL;
}

static const char *set_nothing(struct drill_config *c, const char *value,
			       struct drill_mem *mem)
{
	return NULL;
}

static const char *set_wire(struct drill_config *c, const char *value,
			    struct drill_mem *mem)
{
	c->refused = "it is for two machines on a wire";
	return NULL;
}

static const struct drill_config_row rows[] = {
	{ "ip_version", "V", "ipv4, ipv6 or ipv4-mapped-ipv6 (ipv4)",
	  set_ip_version },
	{ "bind_port", "N", "port of bind(fd, ..., ...) (8080)",
	  set_bind_port },
	{ "connect_port", "N", "port of connect(fd, ..., ...) (8080)",
	  set_connect_port },
	{ "local_ip", "ADDR", "the stack's address", set_local_ip },
	{ "remote_ip", "ADDR", "the peer's address", set_remote_ip },
	{ "gateway_ip", "ADDR", "the next hop", set_gateway_ip },
	{ "netmask_ip", "MASK", "of an IPv4 local_ip (255.255.0.0)",
	  set_netmask },
	{ "mtu", "N", "of the link (1500; for IPv6 1520 gives an MSS of 1460)",
	  set_mtu },
	{ "mss", "N", "merge size of large packets in", set_mss },
	{ "tolerance_usecs", "N", "how far a time may be off (4000)",
	  set_tolerance },
	{ "tolerance_percent", "N", "the same, of the time waited (12.5)",
	  set_percent },
	{ "tcp_ts_tick_usecs", "N", "check timestamp values with this tick (0)",
	  set_ts_tick_us },
	{ "tcp_ts_ecr_scaled", NULL, "echo timestamps by extrapolation",
	  set_ts_ecr_scaled },
	{ "strict_segments", NULL, "segments are not glued together",
	  set_strict_segments },
	{ "non_fatal", "WHAT", "packet, syscall: differences are warnings",
	  set_non_fatal },
	{ "define", "NAME=VALUE", "a symbol for scripts", set_define },
	{ "init_scripts", "FILES", "shell files to take sysctls from",
	  set_init_scripts },
	{ "dry_run", NULL, "read the scripts and do not run them",
	  set_dry_run },
	{ "verbose", NULL, "each script's name, each event", set_verbose },
	{ "is_anyip", NULL, NULL, set_is_anyip },
	/* Without meaning here: the clock is virtual, code is ours. */
	{ "speed", "N", NULL, set_nothing },
	{ "code_command", "X", NULL, set_nothing },
	{ "code_format", "X", NULL, set_nothing },
	{ "code_sockopt", "X", NULL, set_nothing },
	{ "send_omit_free", NULL, NULL, set_nothing },
	{ "so_filename", "F", NULL, set_nothing },
	{ "so_flags", "X", NULL, set_nothing },
	{ "psp_udp_port", "N", NULL, set_nothing },
	{ "debug", NULL, NULL, set_nothing },
	{ "wire_client", NULL, NULL, set_wire },
	{ "wire_server", NULL, NULL, set_wire },
	{ "wire_server_ip", "X", NULL, set_wire },
	{ "wire_server_port", "X", NULL, set_wire },
	{ "wire_client_dev", "X", NULL, set_wire },
	{ "wire_server_dev", "X", NULL, set_wire },
	{ "wire_server_at", "X", NULL, set_wire },
	/* Ours. */
	{ "portable", NULL,
	  "ignore merged segments' PSH, options' order, windows",
	  set_portable },
	{ "thorough", NULL,
	  "fail for bad checksums, wrong echoes, packets left over",
	  set_thorough },
	{ "kernel", NULL, "run on the kernel beneath, in real time",
	  set_kernel },
	{ "lazy_link", NULL,
	  "packets leave when a line asks or time passes, not before",
	  set_lazy_link },
	{ "seed", "N", "of the stack's random numbers (1)", set_seed },
	{ "record", "FILE", "write the run of one script for tern replay",
	  set_record },
};

const struct drill_config_row *drill_config_row(int i)
{
	return i >= 0 && (size_t)i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

const char *drill_config_set(struct drill_config *c, const char *name,
			     const char *value, struct drill_mem *mem)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].name, name))
			return rows[i].set(c, value, mem);
	}
	return "is no option";
}
