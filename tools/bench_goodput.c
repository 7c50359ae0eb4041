// SPDX-License-Identifier: BSD-2-Clause
/*
 * tern bench goodput: the golden table, doc/goodput.md (goodput_cell.h says
 * what is in it), computed whole or, with --check, a sample of it again.
 *
 * Every core has a process that takes the next cell; the longest go first.
 * What has been done is told on the terminal.
 */
#include "tools/bench.h"
#include "tools/goodput_text.h"

#include "base/rng.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the sample: so many cells at most, and as many packets (a few
 * seconds). */
#define SAMPLE 24
#define SAMPLE_COST 1e6

/* What the processes share. */
struct work {
	_Atomic size_t next; /* of order[] */
	_Atomic size_t done, failed;
	size_t n;
	size_t *order;		  /* cells */
	goodput_figures *figures; /* of all cells */
};

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static struct work *work_new(void)
{
	size_t all = goodput_n_all();
	struct work *w = shared(sizeof(*w));

	if (!w)
		return NULL;
	w->order = shared(all * sizeof(*w->order));
	w->figures = shared(all * sizeof(*w->figures));
	return w->order && w->figures ? w : NULL;
}

static int by_cost(const void *a, const void *b)
{
	struct goodput_cell x = goodput_at(*(const size_t *)a);
	struct goodput_cell y = goodput_at(*(const size_t *)b);
	double cx = goodput_cost(&x), cy = goodput_cost(&y);

	return (cx < cy) - (cx > cy);
}

static void work_on(struct work *w, bool tell)
{
	for (size_t i; (i = w->next++) < w->n; w->done++) {
		struct goodput_cell c = goodput_at(w->order[i]);

		if (!goodput_measure(&c, w->figures[w->order[i]]))
			w->failed++;
		if (tell)
			fprintf(stderr, "\r%zu of %zu ", (size_t)w->done + 1,
				w->n);
	}
}

/* Computes the cells of order[]. False: one failed. */
static bool measure_all(struct work *w)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	bool ok = true, tell = isatty(STDERR_FILENO);

	qsort(w->order, w->n, sizeof(*w->order), by_cost);
	fflush(stdout);
	for (long k = 0; k < (n < 1 ? 1 : n); k++) {
		pid_t pid = fork();

		if (pid == 0) {
			work_on(w, tell);
			_exit(0);
		}
		ok &= pid > 0;
	}
	for (int status; wait(&status) > 0;)
		ok &= status == 0;
	if (tell)
		fputc('\n', stderr);
	return ok && !w->failed;
}

/* A sample by the seed: few of the long ones. */
static void choose(struct work *w, uint64_t seed)
{
	struct sipkey key = { seed, 0x676f6f64 };
	bool *taken = calloc(goodput_n_all(), sizeof(*taken));
	double cost = 0;
	struct rng rng;

	rng_init(&rng, &key);
	for (int tries = 0; taken && tries < 1000 && w->n < SAMPLE; tries++) {
		size_t i = rng_below(&rng, (uint32_t)goodput_n_all());
		struct goodput_cell c = goodput_at(i);

		if (taken[i] || cost + goodput_cost(&c) > SAMPLE_COST)
			continue;
		taken[i] = true;
		cost += goodput_cost(&c);
		w->order[w->n++] = i;
	}
	free(taken);
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!f || getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static int compare(const struct work *w, const char *path,
		   const goodput_figures *said)
{
	int status = 0;

	for (size_t k = 0; k < w->n; k++) {
		size_t i = w->order[k];
		struct goodput_cell c = goodput_at(i);
		char name[64];

		goodput_cell_name(&c, name, sizeof(name));
		for (int j = 0; j < GOODPUT_FIGURES; j++) {
			double is = w->figures[i][j];

			/* What a table does not print was not read. */
			if (isnan(said[i][j]) || fabs(is - said[i][j]) < 0.001)
				continue;
			fprintf(stderr,
				"tern bench goodput: %s: %.2f, and %s says "
				"%.2f\n",
				name, is, path, said[i][j]);
			status = 1;
		}
	}
	return status;
}

/* Is a sample of the file's figures what this build computes? */
static int check(struct work *w, const char *path, uint64_t seed)
{
	goodput_figures *said = calloc(goodput_n_all(), sizeof(*said));
	char *text = read_all(path);
	unsigned line;
	int status = 1;

	for (size_t i = 0; said && i < goodput_n_all(); i++)
		for (int j = 0; j < GOODPUT_FIGURES; j++)
			said[i][j] = NAN;
	line = text && said ? goodput_read(text, said) : 0;
	if (!text || !said)
		fprintf(stderr, "tern bench goodput: %s: cannot be read\n",
			path);
	else if (line)
		fprintf(stderr,
			"tern bench goodput: %s:%u: not what this build "
			"writes; make it anew\n",
			path, line);
	else {
		choose(w, seed);
		status = !measure_all(w) || compare(w, path, said);
		printf("%zu cells of seed %llu: %s\n", w->n,
		       (unsigned long long)seed,
		       status ? "not as it says" : "as it says");
	}
	free(said);
	free(text);
	return status;
}

static void add_result(const struct work *w, size_t i, json_t *results)
{
	struct goodput_cell c = goodput_at(i);
	json_t *figures = json_array();
	char name[64];

	goodput_cell_name(&c, name, sizeof(name));
	for (int j = 0; j < GOODPUT_FIGURES; j++)
		json_array_append_new(figures, json_real(w->figures[i][j]));
	json_array_append_new(
		results, json_pack("{s:s, s:f, s:o}", "cell", name, "limit",
				   goodput_limit(&c), "figures", figures));
}

static int run(const struct bench_options *o, json_t *results)
{
	struct work *w = work_new();
	int status;

	if (!w)
		return 1;
	if (o->check)
		return check(w, o->check, o->seed);
	for (size_t i = 0; i < goodput_n_all(); i++) {
		struct goodput_cell c = goodput_at(i);
		char name[64];

		goodput_cell_name(&c, name, sizeof(name));
		if (!o->cells || !fnmatch(o->cells, name, 0))
			w->order[w->n++] = i;
	}
	if (!w->n) {
		fprintf(stderr, "tern bench goodput: no cell is like '%s'\n",
			o->cells);
		return 1;
	}
	status = !measure_all(w);
	for (size_t i = 0; i < goodput_n_all(); i++) {
		for (size_t k = 0; k < w->n; k++) {
			if (w->order[k] == i)
				add_result(w, i, results);
		}
	}
	return status;
}

static void print_some(const json_t *results)
{
	json_t *row, *figure;
	size_t i, j;

	json_array_foreach(results, i, row)
	{
		printf("%-36s",
		       json_string_value(json_object_get(row, "cell")));
		json_array_foreach(json_object_get(row, "figures"), j, figure)
			printf(" %8.2f", json_real_value(figure));
		printf("  limit %8.2f\n",
		       json_real_value(json_object_get(row, "limit")));
	}
}

static void print(const json_t *results)
{
	goodput_figures *figures = calloc(goodput_n_all(), sizeof(*figures));
	json_t *row, *figure;
	size_t i, j;

	if (json_array_size(results) != goodput_n_all()) {
		print_some(results);
	} else if (figures) {
		json_array_foreach(results, i, row)
			json_array_foreach(json_object_get(row, "figures"), j,
					   figure)
				figures[i][j] = json_real_value(figure);
		goodput_print(stdout, figures);
	}
	free(figures);
}

const struct bench bench_goodput = {
	.name = "goodput",
	.help = "the golden table, doc/goodput.md, in virtual time; long",
	.by_name_only = true,
	.run = run,
	.print = print,
};
