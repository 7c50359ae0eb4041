// SPDX-License-Identifier: BSD-2-Clause
#include "lab_show.h"

#include "ladder_json.h"
#include "ladder_trace.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

const char *lab_show_text(const char *const texts[LAB_N_LANGS],
			  enum lab_lang lang)
{
	return texts[lang] ? texts[lang] : texts[LAB_EN];
}

/* A packet as text; the first with this initial number tells it. */
static const char *packet_text(struct lab_run *run, const struct lab_event *e)
{
	struct drill_text t = { 0 };
	const char *copy;

	lab_seg_print(&t, &e->seg, run->script->show_ts);
	if (e->seg.isn_shown)
		drill_text_add(&t, " (ISN %u)", e->seg.raw_seq);
	copy = drill_mem_copy(run->mem, t.s, t.len);
	free(t.s);
	return copy;
}

/* Reasons that are no drops to who looks on: the segment was acted upon. */
static bool is_worth_telling(const char *note)
{
	return note && strcmp(note, "TCP_RESET") != 0;
}

static struct ladder_event as_drawn(struct lab_run *run,
				    const struct lab_event *e)
{
	static const enum ladder_kind kinds[] = {
		[LAB_SENT] = LADDER_PACKET, [LAB_CALL] = LADDER_CALL,
		[LAB_STATE] = LADDER_STATE, [LAB_TIMER] = LADDER_TIMER,
		[LAB_CC] = LADDER_NOTE,	    [LAB_NOTE] = LADDER_NOTE,
	};

	return (struct ladder_event){
		.kind = kinds[e->kind],
		.at = e->at,
		.lane = e->lane,
		.text = e->kind == LAB_SENT  ? packet_text(run, e) :
			e->kind == LAB_STATE ? ladder_state_name(e->state) :
					       e->text,
		.to = e->to,
		.arrives_at = e->arrives_at,
		.arrives_before = e->arrives_before,
		.lost = e->lost,
		.note = e->note,
	};
}

static bool convert(struct lab_run *run, const struct lab_event *e,
		    struct ladder_event *out)
{
	if (e->quiet || e->lane < 0 ||
	    (e->kind == LAB_CC && !run->script->show_cc))
		return false;
	*out = as_drawn(run, e);
	if (!is_worth_telling(e->note))
		out->note = NULL;
	return true;
}

void lab_show_ladder(struct drill_text *t, struct lab_run *run,
		     const struct lab_view *view)
{
	const char *names[LAB_NODES_MAX];
	struct ladder_style style = view->style;
	struct ladder_event *events = drill_mem_grow(
		NULL, ((size_t)run->log.n + 1) * sizeof(*events));
	/* Where an event's number is found among those that are drawn. */
	int *place =
		drill_mem_grow(NULL, ((size_t)run->log.n + 1) * sizeof(*place));
	int n = 0, n_quiet = 0, n_late = 0;
	int64_t until = run->script->show_until;

	style.lanes = names;
	for (struct lab_node_decl *d = run->script->nodes; d; d = d->next)
		names[style.n_lanes++] = d->name;
	for (int i = 0; i < run->log.n; i++) {
		place[i] = n;
		if (until && run->log.events[i].at > until)
			n_late++;
		else if (convert(run, &run->log.events[i], &events[n]))
			n++;
		n_quiet += run->log.events[i].quiet;
	}
	place[run->log.n] = n;
	for (int i = 0; i < n; i++)
		events[i].arrives_before = place[events[i].arrives_before];
	ladder_draw(t, events, n, &style);
	free(place);
	if (n_quiet)
		drill_text_add(t,
			       "(%d events of repeated rounds are not "
			       "drawn)\n",
			       n_quiet);
	if (n_late)
		drill_text_add(t, "(%d events after %.3f s are not drawn)\n",
			       n_late, (double)until / 1e9);
	free(events);
}

void lab_show_head(struct drill_text *t, const struct lab_run *run,
		   const struct lab_view *view)
{
	const struct lab_script *s = run->script;
	const char *title = lab_show_text(s->title, view->lang);
	const char *question = lab_show_text(s->question, view->lang);
	int width = view->style.width > 100 ? 100 : view->style.width;

	if (title)
		ladder_wrap(t, title, width, 0);
	if (question)
		ladder_wrap(t, question, width, 0);
	drill_text_add(t, "\n");
}

void lab_show(struct drill_text *t, struct lab_run *run,
	      const struct lab_view *view)
{
	const char *explain = lab_show_text(run->script->explain, view->lang);
	int width = view->style.width > 100 ? 100 : view->style.width;

	lab_show_head(t, run, view);
	lab_show_ladder(t, run, view);
	drill_text_add(t, "\n");
	if (run->plots)
		lab_plot_text(t, &run->plot, NULL, width, view->style.ascii);
	if (explain && explain[0]) {
		ladder_wrap(t, explain, width, 0);
		drill_text_add(t, "\n");
	}
	if (run->report.s)
		drill_text_add(t, "%s", run->report.s);
	if (run->n_failed)
		drill_text_add(t,
			       view->lang == LAB_ZH ?
				       "%d 项不成立，%d 项成立\n" :
				       "%d failed, %d hold\n",
			       run->n_failed, run->n_held);
	else
		drill_text_add(t,
			       view->lang == LAB_ZH ?
				       "全部 %d 项预期成立\n" :
				       "all %d expectations hold\n",
			       run->n_held);
}

static json_t *json_event(struct lab_run *run, const struct lab_event *e)
{
	struct ladder_event drawn = as_drawn(run, e);
	json_t *o = ladder_json(&drawn);

	if (e->kind == LAB_CC)
		json_object_set_new(o, "kind", json_string("congestion"));
	if (e->line)
		json_object_set_new(o, "line", json_integer(e->line));
	if (e->kind == LAB_STATE) {
		json_object_set_new(o, "from",
				    json_string(ladder_state_name(e->from)));
		json_object_set_new(o, "port", json_integer(e->lport));
	}
	return o;
}

void lab_show_json(struct drill_text *t, struct lab_run *run)
{
	json_t *top = json_object(), *events = json_array();
	json_t *lanes = json_array();
	char *text;

	for (struct lab_node_decl *d = run->script->nodes; d; d = d->next)
		json_array_append_new(lanes, json_string(d->name));
	for (int i = 0; i < run->log.n; i++)
		json_array_append_new(events,
				      json_event(run, &run->log.events[i]));
	json_object_set_new(top, "scenario", json_string(run->script->path));
	json_object_set_new(top, "lanes", lanes);
	json_object_set_new(top, "events", events);
	json_object_set_new(top, "holds", json_boolean(!run->n_failed));
	json_object_set_new(top, "n_failed", json_integer(run->n_failed));
	json_object_set_new(top, "n_held", json_integer(run->n_held));
	if (run->report.s)
		json_object_set_new(top, "report", json_string(run->report.s));
	text = json_dumps(top, JSON_INDENT(1));
	drill_text_add(t, "%s\n", text);
	free(text);
	json_decref(top);
}
