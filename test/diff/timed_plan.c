// SPDX-License-Identifier: BSD-2-Clause
/*
 * Plans written by hand, for what dice do not hit:
 *
 *	sysctl tcp_early_retrans 0	# of all the file's plans
 *	plan lost-resend mss=1000 win=257 wscale=7 sack ts ecn cc=reno
 *	+0 write 10000
 *	+20 ack 2			# milliseconds after the step before
 *	+0.1 sack 2 3 ece		# the third that is missing, and two more
 *	+300 look
 *
 * The words are those of enum timed_kind; a and b as they are there.
 */
#define _GNU_SOURCE
#include "timed.h"

#include "base/bytes.h"
#include "base/time.h"
#include "wire/wire_tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *const kinds[] = {
	[TIMED_ACK] = "ack",   [TIMED_DUP] = "dup",
	[TIMED_SACK] = "sack", [TIMED_DSACK] = "dsack",
	[TIMED_PART] = "part", [TIMED_RENEGE] = "renege",
	[TIMED_OLD] = "old",   [TIMED_WIN] = "win",
	[TIMED_DATA] = "data", [TIMED_GAP] = "gap",
	[TIMED_FILL] = "fill", [TIMED_BACK] = "back",
	[TIMED_EDGE] = "edge", [TIMED_WRITE] = "write",
	[TIMED_READ] = "read", [TIMED_OPT] = "opt",
	[TIMED_LOOK] = "look", [TIMED_FIN] = "fin",
};

/* "mss=1000", "sack". */
static bool read_trait(struct timed_plan *p, const char *word)
{
	if (!strcmp(word, "sack"))
		p->sack = true;
	else if (!strcmp(word, "ts"))
		p->ts = true;
	else if (!strcmp(word, "ecn"))
		p->ecn = true;
	else if (!strcmp(word, "cc=reno"))
		p->cc = "reno";
	else if (!strcmp(word, "cc=cubic"))
		p->cc = "cubic";
	else if (!strncmp(word, "mss=", 4))
		p->mss = (uint16_t)atoi(word + 4);
	else if (!strncmp(word, "win=", 4))
		p->win = (uint16_t)atoi(word + 4);
	else if (!strncmp(word, "wscale=", 7))
		p->wscale = (int8_t)atoi(word + 7);
	else
		return false;
	return true;
}

static bool read_flag(struct timed_step *t, const char *word)
{
	if (!strcmp(word, "ece"))
		t->flags |= TCP_ECE;
	else if (!strcmp(word, "cwr"))
		t->flags |= TCP_CWR;
	else if (!strcmp(word, "psh"))
		t->flags |= TCP_PSH;
	else if (!strcmp(word, "ce"))
		t->ce = true;
	else if (!strcmp(word, "more"))
		t->b = MSG_MORE;
	else
		return false;
	return true;
}

static bool read_step(struct timed_plan *p, const char *wait, char **rest)
{
	struct timed_step *t = &p->steps[p->n];
	const char *word = strtok_r(NULL, " \t", rest);
	int32_t *number = &t->a;
	size_t k;
	char *end;

	if (p->n == TIMED_STEPS || !word)
		return false;
	*t = (struct timed_step){ .wait_ns =
					  (int64_t)(atof(wait) * NS_PER_MS) };
	for (k = 0; k < ARRAY_LEN(kinds); k++)
		if (!strcmp(kinds[k], word))
			break;
	if (k == ARRAY_LEN(kinds))
		return false;
	t->kind = (uint8_t)k;
	while ((word = strtok_r(NULL, " \t", rest))) {
		long v = strtol(word, &end, 10);

		if (*end ? !read_flag(t, word) : !number)
			return false;
		if (!*end) {
			*number = (int32_t)v;
			number = number == &t->a ? &t->b : NULL;
		}
	}
	p->n++;
	return true;
}

static bool read_knob(struct timed_knobs *k, const char *name,
		      const char *value)
{
	if (!name || !value || k->n == TIMED_KNOBS)
		return false;
	k->set[k->n].name = strdup(name);
	k->set[k->n++].value = strdup(value);
	return true;
}

static bool read_line(char *line, struct timed_plan *plans, int most, int *n,
		      struct timed_knobs *k)
{
	char *rest, *word;

	line[strcspn(line, "#\n")] = 0;
	word = strtok_r(line, " \t", &rest);
	if (!word)
		return true;
	if (!strcmp(word, "sysctl")) {
		word = strtok_r(NULL, " \t", &rest);
		return read_knob(k, word, strtok_r(NULL, "", &rest));
	}
	if (*word == '+')
		return *n && read_step(&plans[*n - 1], word + 1, &rest);
	if (strcmp(word, "plan") != 0 || *n == most)
		return false;
	plans[*n] = (struct timed_plan){ .seed = (uint64_t)*n + 1,
					 .mss = 1000,
					 .win = 1024,
					 .wscale = 7,
					 .cc = "cubic" };
	word = strtok_r(NULL, " \t", &rest);
	if (!word)
		return false;
	snprintf(plans[*n].name, sizeof(plans[*n].name), "%s", word);
	while ((word = strtok_r(NULL, " \t", &rest)))
		if (!read_trait(&plans[*n], word))
			return false;
	(*n)++;
	return true;
}

int timed_plan_read(const char *path, struct timed_plan *plans, int most,
		    struct timed_knobs *k)
{
	FILE *f = fopen(path, "r");
	char line[256];
	int n = 0, at = 0;

	if (!f) {
		perror(path);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		at++;
		if (!read_line(line, plans, most, &n, k)) {
			fprintf(stderr, "%s:%d: no plan's line\n", path, at);
			n = -1;
			break;
		}
	}
	fclose(f);
	return n;
}
