// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words for impairments: a table of settings, each with its parser. The
 * same words in scenarios, in descriptions of networks and on command lines.
 */
#include "impair.h"

#include "base/bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

/* A number and one of the units, up to the end of the text. */
static bool parse_unit(const char *text, const struct unit *units, double *out)
{
	char *end;
	double v;

	if (!strchr("0123456789.", text[0]) || !text[0])
		return false;
	v = strtod(text, &end);
	if (end == text || !isfinite(v) || strpbrk(text, "xXpP"))
		return false;
	for (; units->name; units++) {
		if (!strcasecmp(end, units->name)) {
			*out = v * units->factor;
			return *out < 9e18;
		}
	}
	return false;
}

bool impair_parse_time(const char *text, int64_t *ns)
{
	static const struct unit units[] = {
		{ "ns", 1 },   { "us", 1e3 },	{ "ms", 1e6 },
		{ "s", 1e9 },  { "", 1e9 },	{ "min", 6e10 },
		{ "m", 6e10 }, { "h", 3.6e12 }, { NULL, 0 },
	};
	double v;

	if (!parse_unit(text, units, &v))
		return false;
	*ns = (int64_t)(v + 0.5);
	return true;
}

static bool parse_share(const char *text, uint32_t *millionths)
{
	static const struct unit units[] = {
		{ "%", 1e4 },
		{ "", 1e6 },
		{ "ppm", 1 },
		{ NULL, 0 },
	};
	double v;

	if (!parse_unit(text, units, &v) || v > IMPAIR_MILLION)
		return false;
	*millionths = (uint32_t)(v + 0.5);
	return true;
}

static bool parse_rate(const char *text, uint64_t *bits)
{
	static const struct unit units[] = {
		{ "bit", 1 },	 { "kbit", 1e3 }, { "mbit", 1e6 },
		{ "gbit", 1e9 }, { NULL, 0 },
	};
	double v;

	/* Above, times a packet's bits would not fit. */
	if (!parse_unit(text, units, &v) || v < 1 || v > 1e12)
		return false;
	*bits = (uint64_t)(v + 0.5);
	return true;
}

static bool parse_count(const char *text, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long v;

	if (text[0] < '0' || text[0] > '9')
		return false;
	v = strtoul(text, &end, 10);
	if (*end || v < 1 || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* Each takes the words behind its name and returns how many it used, 0 if
 * they are wrong. */
static int set_delay(struct impair_config *c, const char *const *w, int n)
{
	return impair_parse_time(w[0], &c->delay_ns);
}

static int set_jitter(struct impair_config *c, const char *const *w, int n)
{
	return impair_parse_time(w[0], &c->jitter_ns);
}

static int set_loss(struct impair_config *c, const char *const *w, int n)
{
	if (!strcmp(w[0], "every"))
		return n > 1 && parse_count(w[1], UINT32_MAX, &c->loss_every) ?
			       2 :
			       0;
	if (!strcmp(w[0], "burst"))
		return n > 2 && parse_share(w[1], &c->burst_begin) &&
				       parse_share(w[2], &c->burst_end) ?
			       3 :
			       0;
	return parse_share(w[0], &c->loss);
}

static int set_drop(struct impair_config *c, const char *const *w, int n)
{
	const char *p = w[0];

	do {
		char *end;
		unsigned long long v = strtoull(p, &end, 10);

		if (p[0] < '0' || p[0] > '9' || !v || (*end && *end != ',') ||
		    c->n_drops == IMPAIR_DROPS_MAX)
			return 0;
		c->drops[c->n_drops++] = v;
		p = *end ? end + 1 : NULL;
	} while (p);
	return 1;
}

static int set_reorder(struct impair_config *c, const char *const *w, int n)
{
	return n > 1 && parse_share(w[0], &c->reorder) &&
			       impair_parse_time(w[1], &c->reorder_ns) ?
		       2 :
		       0;
}

static int set_duplicate(struct impair_config *c, const char *const *w, int n)
{
	return parse_share(w[0], &c->duplicate);
}

static int set_corrupt(struct impair_config *c, const char *const *w, int n)
{
	return parse_share(w[0], &c->corrupt);
}

static int set_rate(struct impair_config *c, const char *const *w, int n)
{
	return parse_rate(w[0], &c->rate);
}

static int set_queue(struct impair_config *c, const char *const *w, int n)
{
	static const struct unit units[] = {
		{ "B", 1 },
		{ "kB", 1e3 },
		{ "MB", 1e6 },
		{ NULL, 0 },
	};
	double v;

	if (parse_unit(w[0], units, &v)) {
		c->queue_bytes = (uint64_t)v;
		/* The bytes are the bound: a packet has at least 20. */
		c->queue_len = (uint32_t)(v / 20 > 1e6 ? 1e6 : v / 20 + 1);
		return c->queue_bytes > 0;
	}
	return parse_count(w[0], 1000000, &c->queue_len);
}

static int set_mark(struct impair_config *c, const char *const *w, int n)
{
	return parse_count(w[0], 1000000, &c->mark_len);
}

static const struct setting {
	const char *name;
	int (*set)(struct impair_config *, const char *const *w, int n);
	const char *expects;
} settings[] = {
	{ "delay", set_delay, "delay takes a time: delay 10ms" },
	{ "jitter", set_jitter, "jitter takes a time: jitter 2ms" },
	{ "loss", set_loss,
	  "loss takes a share, every N, or burst BEGIN END: loss 1%, loss "
	  "every 100, loss burst 0.1% 30%" },
	{ "drop", set_drop, "drop takes numbers of packets: drop 3,5" },
	{ "reorder", set_reorder,
	  "reorder takes a share and a time: reorder 1% 5ms" },
	{ "duplicate", set_duplicate, "duplicate takes a share: duplicate 1%" },
	{ "corrupt", set_corrupt, "corrupt takes a share: corrupt 1%" },
	{ "rate", set_rate, "rate takes bits a second: rate 10mbit" },
	{ "queue", set_queue,
	  "queue takes packets or bytes: queue 100, queue 64kB" },
	{ "mark", set_mark, "mark takes packets: mark 20" },
};

int impair_parse(struct impair_config *c, const char *const *words, int n,
		 const char **why)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int used;

		if (n < 1 || strcmp(words[0], settings[i].name) != 0)
			continue;
		*why = settings[i].expects;
		if (n < 2)
			return -1;
		used = settings[i].set(c, words + 1, n - 1);
		return used ? used + 1 : -1;
	}
	return 0;
}
