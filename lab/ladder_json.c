// SPDX-License-Identifier: BSD-2-Clause
#include "ladder_json.h"

json_t *ladder_json(const struct ladder_event *e)
{
	static const char *const kinds[] = {
		[LADDER_PACKET] = "packet", [LADDER_CALL] = "call",
		[LADDER_STATE] = "state",   [LADDER_TIMER] = "timer",
		[LADDER_NOTE] = "note",
	};
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(kinds[e->kind]));
	json_object_set_new(o, "at", json_real((double)e->at / 1e9));
	json_object_set_new(o, "lane", json_integer(e->lane));
	if (e->text)
		json_object_set_new(o,
				    e->kind == LADDER_STATE ? "state" : "text",
				    json_string(e->text));
	if (e->kind != LADDER_PACKET)
		return o;
	json_object_set_new(o, "to", json_integer(e->to));
	if (e->lost)
		json_object_set_new(o, "lost", json_string(e->lost));
	else if (e->arrives_at != INT64_MAX)
		json_object_set_new(o, "arrives",
				    json_real((double)e->arrives_at / 1e9));
	if (e->note)
		json_object_set_new(o, "note", json_string(e->note));
	return o;
}
