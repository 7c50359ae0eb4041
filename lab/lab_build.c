// SPDX-License-Identifier: BSD-2-Clause
/*
 * A scenario's nodes, links, routes, hosts and programs, as they are before its
 * first instant.
 */
#include "lab_build.h"

#include "lab_kernel.h"

#include <string.h>

/* Addresses go by the order of the nodes: 10.0.L.N, fd00:0:0:L::N, for the
 * N-th node's L-th link. */
static struct tern_addr address(int number, int link, bool v6)
{
	if (!v6)
		return tern_addr_v4(10, 0, (uint8_t)link, (uint8_t)number);
	return (struct tern_addr){
		{ 0xfd, [7] = (uint8_t)link, [15] = (uint8_t)number }
	};
}

static bool is_on_kernel(const struct lab_run_options *o, const char *host)
{
	return o->kernel && (!o->on_host || !strcmp(o->on_host, host));
}

static bool no_node(struct lab_run *run, int line)
{
	if (run->net.n_nodes < LAB_NODES_MAX)
		lab_run_fail(run, line, "no memory");
	else
		lab_run_fail(run, line, "more than %d nodes and links",
			     LAB_NODES_MAX);
	return false;
}

static bool make_node(struct lab_run *run, const struct lab_run_options *o,
		      struct lab_node_decl *d, int number)
{
	struct tern_addr addr[2];

	for (int v6 = 0; v6 < 2; v6++)
		addr[v6] = d->has_addr[v6] ? d->addr[v6] :
					     address(number, 0, v6);
	if (d->kind == LAB_HOST) {
		struct lab_host *h =
			is_on_kernel(o, d->name) ?
				lab_kernel_new(&run->net, d->name) :
				lab_host_new(&run->net, d->name);

		d->node = h ? &h->node : NULL;
		if (h) {
			h->descriptors = d->descriptors;
			h->handle_ns = d->handle_ns;
		}
		for (int i = 0; h && i < 2 * LAB_PORTS_MAX; i++)
			h->addr[i / 2][i % 2] =
				i < 2 ? addr[i] : address(number, i / 2, i % 2);
	} else {
		d->node = lab_router_new(&run->net, d->name, &d->router, addr);
	}
	if (!d->node)
		return no_node(run, d->line);
	d->node->lane = number - 1;
	return true;
}

/* Joins a node to a link, a host through a node that watches. */
static bool join(struct lab_run *run, struct lab_link_decl *l, const char *name)
{
	struct lab_node_decl *d = lab_script_node(run->script, name);
	struct lab_node *end = d->node;

	if (d->kind == LAB_HOST) {
		struct lab_host *h = (struct lab_host *)d->node;

		if (d->node->n_ports < LAB_PORTS_MAX)
			h->mtu[d->node->n_ports] = l->mtu;
		/* The kernel may break our rules: that is for the comparison to
		 * say. */
		if (!lab_node_is_kernel(d->node)) {
			end = lab_watch_new(&run->net, h);
			if (!end)
				return no_node(run, l->line);
			if (!lab_net_join(d->node, end))
				goto full;
		}
	}
	if (lab_net_join(end, l->node))
		return true;
full:
	lab_run_fail(run, l->line, "%s has more than %d links", name,
		     LAB_PORTS_MAX);
	return false;
}

static bool make_links(struct lab_run *run, const struct lab_run_options *o)
{
	for (struct lab_link_decl *l = run->script->links; l; l = l->next) {
		l->node = lab_wire_new(&run->net, l->name, l->lanes, l->mtu,
				       l->rules);
		if (!l->node)
			return no_node(run, l->line);
		if (!join(run, l, l->a) || !join(run, l, l->b))
			return false;
		if (o->tap && !strcmp(o->tap, l->name))
			lab_wire_set_tap(l->node, o->on_tap, o->tap_ctx);
	}
	return true;
}

static bool add_routes(struct lab_run *run)
{
	for (struct lab_route_decl *d = run->script->routes; d; d = d->next) {
		if (lab_router_set_route(
			    lab_script_node(run->script, d->router)->node,
			    lab_script_node(run->script, d->to)->node,
			    lab_script_node(run->script, d->by)->node))
			continue;
		lab_run_fail(run, d->line,
			     "%s cannot send by %s: no link joins them, or it "
			     "has more than %d routes",
			     d->router, d->by, LAB_ROUTES_MAX);
		return false;
	}
	return true;
}

static bool add_knob(struct lab_run *run, struct lab_host *h, int line,
		     struct lab_knob knob)
{
	if (h->n_knobs == LAB_KNOBS_MAX) {
		lab_run_fail(run, line, "more than %d knobs", LAB_KNOBS_MAX);
		return false;
	}
	h->knobs[h->n_knobs++] = knob;
	return true;
}

bool lab_build_boot(struct lab_run *run, struct lab_host *h, int line)
{
	const char *wrong = lab_host_boot(h);

	if (!wrong)
		return true;
	if (lab_node_is_kernel(&h->node)) {
		lab_run_fail(run, line, "%s, on the kernel: %s", h->node.name,
			     wrong);
		return false;
	}
	if (wrong == lab_no_memory) {
		lab_run_fail(run, line, "%s: %s", h->node.name, wrong);
		return false;
	}
	for (struct lab_knob_decl *k = run->script->knobs; k; k = k->next) {
		if (!strcmp(k->name, wrong))
			line = k->line;
	}
	lab_run_fail(run, line,
		     "%s does not take %s: doc/tunables.md lists "
		     "all knobs",
		     h->node.name, wrong);
	return false;
}

static bool make_hosts(struct lab_run *run, const struct lab_run_options *o)
{
	for (struct lab_node_decl *d = run->script->nodes; d; d = d->next) {
		struct lab_host *h = lab_run_host(run, d->name);

		for (struct lab_knob_decl *k = run->script->knobs; h && k;
		     k = k->next) {
			if ((!k->host || !strcmp(k->host, d->name)) &&
			    !add_knob(run, h, k->line,
				      (struct lab_knob){ k->name, k->value }))
				return false;
		}
		for (int i = 0; h && i < o->n_knobs; i++) {
			if (!add_knob(run, h, d->line, o->knobs[i]))
				return false;
		}
		if (h && !lab_build_boot(run, h, d->line))
			return false;
	}
	return true;
}

static void make_apps(struct lab_run *run)
{
	struct lab_app **last = &run->apps;

	for (struct lab_program *p = run->script->programs; p; p = p->next) {
		struct lab_app *app = DRILL_NEW(run->mem, struct lab_app);

		app->program = p;
		app->host = lab_run_host(run, p->host);
		app->step = p->steps;
		*last = app;
		last = &app->next;
	}
}

bool lab_build(struct lab_run *run, const struct lab_run_options *o)
{
	int number = 1;

	for (struct lab_node_decl *d = run->script->nodes; d; d = d->next) {
		if (!make_node(run, o, d, number++))
			return false;
	}
	if (!make_links(run, o) || !add_routes(run) || !make_hosts(run, o))
		return false;
	make_apps(run);
	return true;
}
