// SPDX-License-Identifier: BSD-2-Clause
#include "tools/goodput_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bars. */
#define POINTS_UNDER 0.03 /* of the link, under the sawtooth */
#define REORDERED_LEAST 0.9
#define RESPONSE_OFF 0.1
#define BBR_LEAST 0.8 /* of the link, at 1 % of loss */
#define BBR_PATH 50   /* packets */
#define PROBE_RTTS 2.5

static const char intro[] =
	"# Goodput: golden tables\n"
	"\n"
	"Made by `tern bench goodput > doc/goodput.md`, in virtual time; the test `goodput`\n"
	"(`tern bench --check doc/goodput.md goodput`) computes a sample anew.\n"
	"\n"
	"One bulk transfer between two of tern's stacks, of at least 40 s (at 1 Gbit/s and\n"
	"up to 100 ms 20 s), of which the second half counts: Mbit/s of payload, beside\n"
	"what theory allows (`tools/goodput_theory.c`). The limit is the link's payload\n"
	"(1,448 of 1,500 bytes) times the utilisation of the controller's sawtooth in that\n"
	"queue; with loss, the window whose period carries 1/p packets, each RTT; for bbr\n"
	"what ProbeRTT leaves. The functions are of losses spread evenly: chance may pass\n"
	"them, and with loss the queue's own overflows are not in them.\n"
	"\n"
	"Losses are by chance, of data packets; bursts begin at 0.1 % of them and end at\n"
	"each with 30 %. Reordered packets (1 %; heavy: 10 %) are late by a quarter of\n"
	"the RTT. The queue is in BDP, at least one packet. The sender's own link has no\n"
	"rate: what one ACK allows meets the queue at once, two or three packets of a\n"
	"delayed ACK and, at 1 Gbit/s, up to 45 that leave as one. No sawtooth tells of\n"
	"queues that hold no more than that. A ~ marks a limit that no run of this length\n"
	"settles to.\n"
	"\n"
	"The bars, and the cells that miss one, stand at the end; what the kernel does in\n"
	"some of these is in [bench.md](bench.md).\n";

size_t goodput_n_all(void)
{
	size_t n = 0;

	for (int t = 0; t < GOODPUT_N_TABLES; t++)
		n += goodput_n_cells((enum goodput_table)t);
	return n;
}

static size_t first_of(enum goodput_table table)
{
	size_t n = 0;

	for (int t = 0; t < (int)table; t++)
		n += goodput_n_cells((enum goodput_table)t);
	return n;
}

struct goodput_cell goodput_at(size_t i)
{
	int t = 0;

	for (; i >= goodput_n_cells((enum goodput_table)t); t++)
		i -= goodput_n_cells((enum goodput_table)t);
	return goodput_cell_at((enum goodput_table)t, i);
}

static void print_figure(FILE *f, const goodput_figures *figures, size_t i,
			 int which)
{
	struct goodput_cell c = goodput_at(i);
	bool whole = c.table == GOODPUT_TAIL ? which == GOODPUT_RTOS :
					       which != GOODPUT_MBITS;

	if (figures)
		fprintf(f, " %.*f |", whole ? 0 : 2, figures[i][which]);
	else
		fputs(" @ |", f);
}

static void print_limit(FILE *f, const struct goodput_cell *c)
{
	bool far = c->table == GOODPUT_GRID && !c->loss &&
		   !goodput_converges(c);

	fprintf(f, " %s%.2f |", far ? "~" : "", goodput_limit(c));
}

static void print_grid(FILE *f, const goodput_figures *figures)
{
	size_t n = goodput_n_cells(GOODPUT_GRID);
	struct goodput_cell last = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct goodput_cell c = goodput_at(i);

		if (c.rate != last.rate || c.rtt != last.rtt)
			fprintf(f,
				"\n## %d Mbit/s, %d ms\n\n"
				"| queue | loss | reordering | reno | limit | cubic "
				"| limit | bbr | limit |\n"
				"|---|---|---|---:|---:|---:|---:|---:|---:|\n",
				c.rate, c.rtt);
		last = c;
		if (c.cc == 0)
			fprintf(f, "| %.1f | %s | %s |", c.queue,
				goodput_losses[c.loss].name,
				goodput_reorders[c.reorder].name);
		print_figure(f, figures, i, GOODPUT_MBITS);
		print_limit(f, &c);
		if (c.cc == GOODPUT_N_CCS - 1)
			fputc('\n', f);
	}
}

static void print_periodic(FILE *f, const goodput_figures *figures)
{
	size_t from = first_of(GOODPUT_PERIODIC);

	fputs("\n## Losses that come evenly\n\n"
	      "1 Gbit/s and a queue of 1 BDP, so that only the losses limit; 60 s "
	      "after 60 s.\n\n"
	      "| RTT, ms | one packet in | reno | limit | cubic | limit |\n"
	      "|---:|---:|---:|---:|---:|---:|\n",
	      f);
	for (size_t i = 0; i < goodput_n_cells(GOODPUT_PERIODIC); i++) {
		struct goodput_cell c = goodput_at(from + i);

		if (c.cc == 0)
			fprintf(f, "| %d | %d |", c.rtt, c.every);
		print_figure(f, figures, from + i, GOODPUT_MBITS);
		print_limit(f, &c);
		if (c.cc == 1)
			fputc('\n', f);
	}
}

static void print_reordered(FILE *f, const goodput_figures *figures)
{
	size_t from = first_of(GOODPUT_REORDERED);

	fputs("\n## Reordering alone\n\n"
	      "The receiver's buffer bounds what is in flight to what the path "
	      "and its queue\nhold: nothing is lost, and every resend is "
	      "needless. How many arrived beside\nthe original, how many of "
	      "those the sender counted by D-SACK (tcpi_dsack_dups),\nhow often it "
	      "entered Recovery or Loss, and how often it undid that.\n\n"
	      "| Mbit/s | RTT, ms | reordering | controller | goodput | limit | "
	      "needless | counted | entered | undone |\n"
	      "|---:|---:|---|---|---:|---:|---:|---:|---:|---:|\n",
	      f);
	for (size_t i = 0; i < goodput_n_cells(GOODPUT_REORDERED); i++) {
		struct goodput_cell c = goodput_at(from + i);

		fprintf(f, "| %d | %d | %s | %s |", c.rate, c.rtt,
			goodput_reorders[c.reorder].name, goodput_ccs[c.cc]);
		print_figure(f, figures, from + i, GOODPUT_MBITS);
		print_limit(f, &c);
		for (int k = GOODPUT_NEEDLESS; k <= GOODPUT_UNDONE; k++)
			print_figure(f, figures, from + i, k);
		fputc('\n', f);
	}
}

static void print_no_stamps(FILE *f, const goodput_figures *figures)
{
	size_t from = first_of(GOODPUT_NO_STAMPS);

	fputs("\n## Reordering without timestamps\n\n"
	      "Where the queue overflows, reordering costs more than reordering "
	      "alone: when a\nresend has filled a hole, the receiver drops "
	      "what was sent before it and comes\nlater, as its timestamp is "
	      "too old (RFC 7323 5.3, R1; PAWSEstab). Linux does the\nsame. "
	      "With tcp_timestamps 0, the queue overflowing alike:\n\n"
	      "| Mbit/s | RTT, ms | queue | reordering | reno | cubic |\n"
	      "|---:|---:|---:|---|---:|---:|\n",
	      f);
	for (size_t i = 0; i < goodput_n_cells(GOODPUT_NO_STAMPS); i++) {
		struct goodput_cell c = goodput_at(from + i);

		if (c.cc == 0)
			fprintf(f, "| %d | %d | %.1f | %s |", c.rate, c.rtt,
				c.queue, goodput_reorders[c.reorder].name);
		print_figure(f, figures, from + i, GOODPUT_MBITS);
		if (c.cc == 1)
			fputc('\n', f);
	}
}

static void print_tail(FILE *f, const goodput_figures *figures)
{
	size_t from = first_of(GOODPUT_TAIL);

	fputs("\n## Lost tails\n\n"
	      "1 Gbit/s. A connection that knows its RTT sends some segments at "
	      "once, and the\nlast of them are lost: when the probe left, and "
	      "when all had arrived, in RTT.\nWhere one alone is lost the probe "
	      "waits for 200 ms more, as its ACK may be delayed.\n\n"
	      "| RTT, ms | segments | lost | probe | repaired | time-outs |\n"
	      "|---:|---:|---:|---:|---:|---:|\n",
	      f);
	for (size_t i = 0; i < goodput_n_cells(GOODPUT_TAIL); i++) {
		struct goodput_cell c = goodput_at(from + i);

		fprintf(f, "| %d | %d | %d |", c.rtt, c.flight, c.lost);
		for (int k = GOODPUT_PROBE; k <= GOODPUT_RTOS; k++)
			print_figure(f, figures, from + i, k);
		fputc('\n', f);
	}
}

/* A bar: does it apply to a cell, and does the cell keep it? */
struct bar {
	const char *name;
	bool (*applies)(const struct goodput_cell *);
	bool (*keeps)(const struct goodput_cell *, const goodput_figures *at,
		      double *share);
};

static bool is_plain(const struct goodput_cell *c)
{
	return c->table == GOODPUT_GRID && !c->loss && !c->reorder &&
	       goodput_converges(c);
}

static bool keeps_sawtooth(const struct goodput_cell *c,
			   const goodput_figures *at, double *share)
{
	double under = goodput_limit(c) - (*at)[GOODPUT_MBITS];

	*share = (*at)[GOODPUT_MBITS] / goodput_limit(c);
	return under <= POINTS_UNDER * goodput_link(c);
}

static bool is_periodic(const struct goodput_cell *c)
{
	return c->table == GOODPUT_PERIODIC && c->cc == GOODPUT_CUBIC;
}

static bool keeps_response(const struct goodput_cell *c,
			   const goodput_figures *at, double *share)
{
	*share = (*at)[GOODPUT_MBITS] / goodput_limit(c);
	return fabs(*share - 1) <= RESPONSE_OFF;
}

static bool is_reordered(const struct goodput_cell *c)
{
	return c->table == GOODPUT_GRID && !c->loss && c->reorder;
}

/* Of the same cell without reordering, which stands before it. */
static bool keeps_reordered(const struct goodput_cell *c,
			    const goodput_figures *at, double *share)
{
	const goodput_figures *none =
		at - (ptrdiff_t)c->reorder * GOODPUT_N_CCS;

	*share = (*at)[GOODPUT_MBITS] / (*none)[GOODPUT_MBITS];
	return *share >= REORDERED_LEAST;
}

static bool is_no_stamps(const struct goodput_cell *c)
{
	return c->table == GOODPUT_NO_STAMPS && c->reorder;
}

static bool keeps_no_stamps(const struct goodput_cell *c,
			    const goodput_figures *at, double *share)
{
	(void)c;
	*share = (*at)[GOODPUT_MBITS] / (*(at - 2))[GOODPUT_MBITS];
	return *share >= REORDERED_LEAST;
}

static bool is_reordered_alone(const struct goodput_cell *c)
{
	return c->table == GOODPUT_REORDERED;
}

static bool keeps_alone(const struct goodput_cell *c, const goodput_figures *at,
			double *share)
{
	*share = (*at)[GOODPUT_MBITS] / goodput_limit(c);
	return *share >= REORDERED_LEAST;
}

static bool keeps_count(const struct goodput_cell *c, const goodput_figures *at,
			double *share)
{
	double n = (*at)[GOODPUT_NEEDLESS];

	(void)c;
	*share = n > 0 ? (*at)[GOODPUT_COUNTED] / n : 1;
	return (*at)[GOODPUT_COUNTED] == n;
}

static bool keeps_undo(const struct goodput_cell *c, const goodput_figures *at,
		       double *share)
{
	double n = (*at)[GOODPUT_ENTERED];

	(void)c;
	*share = n > 0 ? (*at)[GOODPUT_UNDONE] / n : 1;
	/* The last one may be under way still. */
	return (*at)[GOODPUT_UNDONE] >= n - 1;
}

static bool is_bbr_lossy(const struct goodput_cell *c)
{
	return c->table == GOODPUT_GRID && c->cc == GOODPUT_BBR &&
	       goodput_losses[c->loss].loss == 10000 &&
	       goodput_bdp(c) >= BBR_PATH;
}

static bool keeps_bbr(const struct goodput_cell *c, const goodput_figures *at,
		      double *share)
{
	*share = (*at)[GOODPUT_MBITS] / goodput_link(c);
	return *share >= BBR_LEAST;
}

static bool is_tail(const struct goodput_cell *c)
{
	return c->table == GOODPUT_TAIL && c->lost > 1;
}

static bool keeps_tail(const struct goodput_cell *c, const goodput_figures *at,
		       double *share)
{
	/* The timer has 2 ms of slack, as Linux's has two jiffies. */
	*share = ((*at)[GOODPUT_PROBE] - 2.0 / c->rtt - (c->lost < c->flight)) /
		 PROBE_RTTS;
	return *share > 0 && *share <= 1 && (*at)[GOODPUT_RTOS] == 0;
}

static const struct bar bars[] = {
	{ "Without loss and reordering: at most 3 points of the link under the "
	  "limit",
	  is_plain, keeps_sawtooth },
	{ "cubic with even losses: within 10 % of its response function",
	  is_periodic, keeps_response },
	{ "Reordering without loss on the wire costs less than 10 %",
	  is_reordered, keeps_reordered },
	{ "Reordering alone leaves 90 % of the limit", is_reordered_alone,
	  keeps_alone },
	{ "Without timestamps heavy reordering costs less than 10 %",
	  is_no_stamps, keeps_no_stamps },
	{ "No needless resend is uncounted", is_reordered_alone, keeps_count },
	{ "No needless recovery is left un-undone", is_reordered_alone,
	  keeps_undo },
	{ "bbr at 1 % of loss, 50 packets or more on the path: 80 % of the link",
	  is_bbr_lossy, keeps_bbr },
	{ "A lost tail of two or more: the probe leaves about 2 RTT after "
	  "the last ACK,\nand no time-out",
	  is_tail, keeps_tail },
};

static void print_bar(FILE *f, const struct bar *bar,
		      const goodput_figures *figures)
{
	unsigned n = 0, kept = 0;
	double share;

	for (size_t i = 0; i < goodput_n_all(); i++) {
		struct goodput_cell c = goodput_at(i);

		if (!bar->applies(&c))
			continue;
		n++;
		kept += bar->keeps(&c, &figures[i], &share);
	}
	fprintf(f, "\n%s: %u of %u.\n", bar->name, kept, n);
	if (kept < n)
		fputc('\n', f);
	for (size_t i = 0; i < goodput_n_all(); i++) {
		struct goodput_cell c = goodput_at(i);
		char name[64];

		if (!bar->applies(&c) || bar->keeps(&c, &figures[i], &share))
			continue;
		goodput_cell_name(&c, name, sizeof(name));
		fprintf(f, "    %-36s %.2f\n", name, share);
	}
}

void goodput_print(FILE *f, const goodput_figures *figures)
{
	fputs(intro, f);
	print_grid(f, figures);
	print_periodic(f, figures);
	print_reordered(f, figures);
	print_no_stamps(f, figures);
	print_tail(f, figures);
	fputs("\n## The bars\n\n"
	      "How many cells keep each, and those that do not, with their share "
	      "of it: reno,\ncubic or bbr, Mbit/s, RTT in ms, queue in BDP, loss, "
	      "reordering.\n",
	      f);
	if (!figures)
		return;
	for (size_t i = 0; i < sizeof(bars) / sizeof(bars[0]); i++)
		print_bar(f, &bars[i], figures);
}

static unsigned line_at(const char *text, const char *at)
{
	unsigned n = 1;

	for (; text < at; text++)
		n += *text == '\n';
	return n;
}

static char *as_text(const goodput_figures *figures)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	goodput_print(f, figures);
	fclose(f);
	return text;
}

/* The figures stand in the text in this order. */
static double *next_slot(goodput_figures *figures, size_t *cell, int *which)
{
	struct goodput_cell c = goodput_at(*cell);
	double *slot = &figures[*cell][*which];
	int n = c.table == GOODPUT_REORDERED ? GOODPUT_FIGURES :
		c.table == GOODPUT_TAIL	     ? 3 :
					       1;

	if (++*which == n) {
		*which = 0;
		++*cell;
	}
	return slot;
}

/* Takes the figures out of the text where the form has its "@". NULL, or the
 * place at which the text has not that form. */
static const char *match(const char *form, const char *at,
			 goodput_figures *figures)
{
	size_t cell = 0;
	int which = 0;

	for (; *form; form++) {
		char *end;

		if (*form == '@') {
			*next_slot(figures, &cell, &which) = strtod(at, &end);
			if (end == at)
				return at;
			at = end;
		} else if (*at++ != *form) {
			return at - 1;
		}
	}
	return NULL;
}

unsigned goodput_read(const char *text, goodput_figures *figures)
{
	char *form = as_text(NULL), *again = NULL;
	const char *bad = text;
	size_t same = 0;

	if (form)
		bad = match(form, text, figures);
	if (!bad) {
		/* What is said of the figures must follow from them. */
		again = as_text(figures);
		while (again && again[same] && again[same] == text[same])
			same++;
		if (!again || again[same] != text[same])
			bad = text + same;
	}
	free(form);
	free(again);
	return bad ? line_at(text, bad) : 0;
}
