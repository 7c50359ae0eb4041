// SPDX-License-Identifier: BSD-2-Clause
/*
 * From a command line's words to a host: what it takes to run a program, with
 * everything that can be wrong told before the program starts.
 */
#include "tools/run_host.h"

#include "tools/run_flight.h"
#include "tools/run_last.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool add_gw(struct run_host *r, const struct tern_addr *gw, uint8_t bits)
{
	for (int i = 0; i < r->n_gws; i++) {
		if (tern_addr_equal(&r->gws[i].addr, gw))
			return true;
	}
	if (r->n_gws == RUN_HOST_MAX)
		return false;
	r->gws[r->n_gws++] = (struct tern_prefix){ *gw, bits };
	return true;
}

/* The kernel's side of one address: the --gw of its prefix, or by default
 * another address of it. */
static bool choose_gw(struct run_host *r, const struct tern_prefix *addr)
{
	const struct run_host_config *c = r->config;
	char text[TERN_ADDR_STRLEN];
	struct tern_addr gw;
	bool found = false;

	for (int i = 0; i < c->n_gws && !found; i++) {
		gw = c->gws[i];
		found = prefix_contains(addr, &gw);
	}
	if (!found && !prefix_other(addr, &gw)) {
		tool_error(r->command,
			   "--addr %s/%u leaves no address for the kernel's "
			   "side: take a shorter prefix",
			   tern_addr_print(&addr->addr, text), addr->bits);
		return false;
	}
	if (tern_addr_equal(&gw, &addr->addr)) {
		tool_error(r->command,
			   "--gw %s is the program's own address: the kernel's "
			   "side needs another one",
			   tern_addr_print(&gw, text));
		return false;
	}
	return add_gw(r, &gw, addr->bits);
}

static bool choose_gws(struct run_host *r)
{
	const struct run_host_config *c = r->config;

	for (int i = 0; i < c->n_addrs; i++) {
		if (!choose_gw(r, &c->addrs[i]))
			return false;
	}
	for (int i = 0; i < c->n_gws; i++) {
		char text[TERN_ADDR_STRLEN];
		bool used = false;

		for (int j = 0; j < r->n_gws; j++)
			used |= tern_addr_equal(&c->gws[i], &r->gws[j].addr);
		if (!used) {
			tool_error(r->command,
				   "--gw %s is in the prefix of no --addr",
				   tern_addr_print(&c->gws[i], text));
			return false;
		}
	}
	return true;
}

static void on_record(void *ctx, const void *bytes, size_t len)
{
	struct run_host *r = ctx;

	fwrite(bytes, 1, len, r->record);
}

static int make_host(struct run_host *r)
{
	const struct run_host_config *c = r->config;
	struct host_config config = { .max_memory = c->max_memory };
	uint8_t seed[16] = { 0 };
	int error;

	for (int i = 0; i < 8; i++)
		seed[i] = (uint8_t)(c->seed >> 8 * i);
	if (c->has_seed)
		config.seed = seed;
	if (c->record) {
		r->record = fopen(c->record, "wbe");
		if (!r->record) {
			tool_error(r->command, "--record %s: %s", c->record,
				   strerror(errno));
			return -errno;
		}
		config.record = on_record;
		config.record_ctx = r;
	}
	if (c->has_flight) {
		r->flight = run_flight_new(r->command, c);
		if (!r->flight)
			return -TERN_ENOMEM;
		config.flight_size = run_flight_size(c);
		config.flight = run_flight_write;
		config.flight_ctx = r->flight;
	}
	error = host_new(&config, &r->host);
	if (error) {
		tool_error(r->command, "no stack: %s", tern_error_text(error));
		return error;
	}
	r->last = run_last_new(r->command, r->host);
	if (r->flight)
		run_flight_watch(r->flight, host_stack(r->host));
	return 0;
}

static int set_tunable(struct run_host *r, const char *setting)
{
	const char *equals = strchr(setting, '=');
	const struct tern_tunable *near;
	char name[128];
	int error;

	if (!equals || (size_t)(equals - setting) >= sizeof(name)) {
		tool_error(r->command,
			   "--set %s: say which and what, such as "
			   "--set tcp_rmem=\"4096 131072 6291456\"",
			   setting);
		return -TERN_EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals - setting), setting);
	error = tern_sysctl_set(host_stack(r->host), name, equals + 1,
				host_now(r->host));
	if (error == -TERN_ENOENT) {
		near = tern_tunable_nearest(name);
		tool_error(r->command,
			   "--set: there is no tunable \"%s\". Did you mean "
			   "\"%s\"?",
			   name, near ? near->name : "");
	} else if (error) {
		near = tern_tunable_nearest(name);
		tool_error(r->command,
			   "--set: %s cannot be \"%s\": it takes %d number%s "
			   "from %lld to %lld",
			   name, equals + 1, near->n_values,
			   near->n_values > 1 ? "s" : "", (long long)near->min,
			   (long long)near->max);
	}
	return error;
}

/* One link of a host is captured: the device, or else the first wire. */
static struct tern_link *wrap_capture(struct run_host *r,
				      struct tern_link *link)
{
	struct tern_pcapng_config config = { .path = r->config->capture };
	struct timespec real, mono;
	int error;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	config.epoch_ns = (real.tv_sec - mono.tv_sec) * INT64_C(1000000000) +
			  real.tv_nsec - mono.tv_nsec;
	error = tern_pcapng_wrap(link, &config, &r->capture);
	if (!error)
		return r->capture;
	tool_error(r->command, "--capture %s: %s", config.path,
		   tern_error_text(error));
	link->ops->close(link);
	return NULL;
}

/* The device, wrapped as asked for; NULL after telling why not. */
static struct tern_link *make_link(struct run_host *r)
{
	struct tern_tun_config config = {
		.name = r->config->tun,
		.mtu = (uint32_t)r->config->mtu,
		.no_offload = r->config->no_offload,
		.addrs = r->gws,
		.n_addrs = r->n_gws,
	};
	struct tern_link *link;

	if (tern_tun_open(host_pool(r->host), &config, &link) != 0) {
		tool_error(r->command, "%s", config.why);
		return NULL;
	}
	return r->config->capture ? wrap_capture(r, link) : link;
}

static int add_addresses(struct run_host *r, int link)
{
	const struct run_host_config *c = r->config;
	int64_t now = host_now(r->host);
	bool has_default[2] = { false };
	int error = 0;

	for (int i = 0; i < c->n_addrs && !error; i++)
		error = tern_addr_add(host_stack(r->host), link,
				      &c->addrs[i].addr, c->addrs[i].bits, now);
	for (int i = 0; i < r->n_gws && !error; i++) {
		struct tern_route route = { .link = link };

		route.via = r->gws[i].addr;
		route.v6 = !tern_addr_is_v4(&route.via);
		if (!route.v6)
			route.dst = tern_addr_v4(0, 0, 0, 0);
		if (has_default[route.v6])
			continue;
		has_default[route.v6] = true;
		error = tern_route_add(host_stack(r->host), &route, now);
	}
	if (error)
		tool_error(r->command, "the stack refuses the addresses: %s",
			   tern_error_text(error));
	return error;
}

static int open_device(struct run_host *r)
{
	struct tern_link *link = make_link(r);
	int number;

	if (!link)
		return -TERN_ENODEV;
	number = host_add_link(r->host, link);
	if (number < 0) {
		tool_error(r->command, "the stack refuses the device: %s",
			   tern_error_text(number));
		link->ops->close(link);
		return number;
	}
	return add_addresses(r, number);
}

static int open_wire(struct run_host *r, int i)
{
	const struct run_wire *w = &r->config->wires[i];
	struct tern_stack *st = host_stack(r->host);
	struct tern_link *link;
	int number, error = sim_open(host_pool(r->host), &w->sim, &link);

	if (error)
		return error;
	r->wires[i] = link;
	if (i == 0 && r->config->capture && !r->config->tun) {
		link = wrap_capture(r, link);
		if (!link)
			return -TERN_ENOENT;
	}
	number = host_add_link(r->host, link);
	for (int a = 0; number >= 0 && a < w->n_addrs && !error; a++)
		error = tern_addr_add(st, number, &w->addrs[a].addr,
				      w->addrs[a].bits, host_now(r->host));
	return number < 0 ? number : error;
}

/* The number in the stack of config's wire: the device comes first. */
static int wire_number(const struct run_host *r, int wire)
{
	return wire + 1 + (r->config->tun ? 1 : 0);
}

static int add_routes(struct run_host *r)
{
	int error = 0;

	for (int i = 0; i < r->config->n_routes && !error; i++) {
		const struct run_route *from = &r->config->routes[i];
		struct tern_route route = {
			.dst = from->dst,
			.prefix = from->bits,
			.v6 = !tern_addr_is_v4(&from->via),
			.link = wire_number(r, from->wire),
			.via = from->via,
		};

		error = tern_route_add(host_stack(r->host), &route,
				       host_now(r->host));
	}
	return error;
}

static int open_wires(struct run_host *r)
{
	int error = 0;

	r->wires = calloc((size_t)r->config->n_wires + 1, sizeof(*r->wires));
	if (!r->wires)
		return -TERN_ENOMEM;
	for (int i = 0; i < r->config->n_wires && !error; i++)
		error = open_wire(r, i);
	if (!error)
		error = add_routes(r);
	if (error)
		tool_error(r->command, "%s: no wires: %s", r->config->name,
			   tern_error_text(error));
	return error;
}

#define WORDS_MAX 32

static int read_impairments(char *text, struct impair_config *c,
			    const char **why)
{
	const char *words[WORDS_MAX];
	char *save = NULL;
	int n = 0, i = 0;

	for (char *w = strtok_r(text, " ", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	while (i < n) {
		int used = impair_parse(c, words + i, n - i, why);

		if (used == 0)
			*why = "delay, jitter, loss, drop, reorder, duplicate, "
			       "corrupt, rate, queue or mark";
		if (used <= 0)
			return -TERN_EINVAL;
		i += used;
	}
	return 0;
}

int run_host_impair(struct run_host *r, const char *wire, const char *words,
		    const char **why)
{
	for (int i = 0; i < r->config->n_wires; i++) {
		struct tern_link *link = r->wires[i];
		struct impair_config c = *sim_get(link);
		char *text;
		int error;

		if (strcmp(link->name, wire) != 0)
			continue;
		text = strdup(words);
		error = text ? read_impairments(text, &c, why) : -TERN_ENOMEM;
		free(text);
		return error ? error : sim_set(link, &c);
	}
	return -TERN_ENOENT;
}

static void say_addresses(const struct run_host *r)
{
	char ours[TERN_ADDR_STRLEN], theirs[TERN_ADDR_STRLEN];

	for (int i = 0; i < r->config->n_addrs; i++) {
		const struct tern_prefix *a = &r->config->addrs[i];

		for (int j = 0; j < r->n_gws; j++) {
			if (!prefix_contains(a, &r->gws[j].addr))
				continue;
			fprintf(stderr,
				"tern %s: %s: program %s/%u, kernel %s\n",
				r->command->name, r->config->tun,
				tern_addr_print(&a->addr, ours), a->bits,
				tern_addr_print(&r->gws[j].addr, theirs));
		}
	}
}

int run_host_open(struct run_host *r, const struct command *command,
		  const struct run_host_config *config)
{
	*r = (struct run_host){ .command = command, .config = config };
	if (!choose_gws(r) || make_host(r) != 0)
		goto fail;
	for (int i = 0; i < config->n_sets; i++) {
		if (set_tunable(r, config->sets[i]) != 0)
			goto fail;
	}
	if (config->tun && open_device(r) != 0)
		goto fail;
	if (config->n_wires && open_wires(r) != 0)
		goto fail;
	if (config->verbose)
		say_addresses(r);
	return 0;
fail:
	run_host_close(r);
	return command->usage_status;
}

bool run_host_close(struct run_host *r)
{
	bool whole = true;

	if (r->capture && tern_pcapng_error(r->capture) != 0) {
		whole = false;
		tool_error(r->command, "--capture %s: not whole: %s",
			   r->config->capture,
			   tern_error_text(tern_pcapng_error(r->capture)));
	}
	if (r->flight)
		run_flight_watch(r->flight, NULL);
	run_last_free(r->last);
	r->last = NULL;
	if (r->host)
		host_free(r->host);
	r->host = NULL;
	if (r->flight)
		run_flight_free(r->flight);
	r->flight = NULL;
	free(r->wires);
	r->wires = NULL;
	if (r->record && (ferror(r->record) | fclose(r->record)) != 0) {
		whole = false;
		tool_error(r->command, "--record %s: not whole",
			   r->config->record);
	}
	r->record = NULL;
	return whole;
}
