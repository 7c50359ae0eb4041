// SPDX-License-Identifier: BSD-2-Clause
/*
 * The links of a host and the names that it knows, for who shows packets: the
 * host's own addresses under its own name, then those of its file of hosts, a
 * name each.
 */
#include "control/control_messages.h"

#include <stdlib.h>
#include <string.h>

/* A cursor that has passed our own addresses counts bytes of the file. */
#define IN_FILE (UINT64_C(1) << 32)

json_t *control_next_link(struct control_question *q)
{
	struct tern_link_info info;
	int cursor = (int)q->cursor;

	if (!tern_link_next(host_stack(q->host), &cursor, &info))
		return NULL;
	q->cursor = (uint64_t)cursor;
	return json_pack("{s:i, s:s, s:i}", "link", info.link, "name",
			 info.name, "mtu", (int)info.mtu);
}

static json_t *name_row(const struct tern_addr *addr, const char *name)
{
	char text[TERN_ADDR_STRLEN];

	return json_pack("{s:s, s:s}", "addr", tern_addr_print(addr, text),
			 "name", name);
}

static json_t *next_own(struct control_question *q)
{
	struct tern_link_addr a;
	int cursor = (int)q->cursor;

	while (tern_addr_next(host_stack(q->host), &cursor, &a)) {
		q->cursor = (uint64_t)cursor;
		if (a.link != 0)
			return name_row(&a.addr, q->name);
	}
	q->cursor = IN_FILE;
	return NULL;
}

static bool is_own(struct control_question *q, const struct tern_addr *addr)
{
	struct tern_link_addr a;
	int cursor = 0;

	while (tern_addr_next(host_stack(q->host), &cursor, &a))
		if (tern_addr_equal(&a.addr, addr))
			return true;
	return false;
}

/* The name of a line "10.0.0.2 name others", or NULL if it has none that is
 * worth telling. */
static json_t *read_line(struct control_question *q, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \t", &save);
	struct tern_addr addr;
	size_t used = word ? tern_addr_parse(word, NULL, &addr) : 0;

	if (!used || word[used])
		return NULL;
	word = strtok_r(NULL, " \t", &save);
	if (!word || is_own(q, &addr))
		return NULL;
	return name_row(&addr, word);
}

json_t *control_next_name(struct control_question *q)
{
	json_t *row = q->cursor < IN_FILE ? next_own(q) : NULL;
	size_t at = (size_t)(q->cursor - IN_FILE);

	while (!row && q->hosts && q->hosts[at]) {
		size_t len = strcspn(q->hosts + at, "\n");
		char *line =
			strndup(q->hosts + at, strcspn(q->hosts + at, "#\n"));

		if (!line)
			break;
		row = read_line(q, line);
		free(line);
		at += len + (q->hosts[at + len] == '\n');
		q->cursor = IN_FILE + at;
	}
	return row;
}
