// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many files at once: each thread takes the next and runs it on a stack of its
 * own; results are told in the files' order.
 */
#include "drill.h"

#include "drill_fault.h"
#include "last_words.h"

#include <pthread.h>

#define JOBS_MAX 64

struct work {
	const struct drill_batch *batch;
	struct drill_result *results;
	pthread_mutex_t lock;
	int next; /* to be taken */
	int told;
	bool *done;
};

static int take(struct work *w)
{
	int i;

	pthread_mutex_lock(&w->lock);
	i = w->next < w->batch->n_paths ? w->next++ : -1;
	pthread_mutex_unlock(&w->lock);
	return i;
}

static void tell(struct work *w, int i)
{
	const struct drill_batch *b = w->batch;

	pthread_mutex_lock(&w->lock);
	w->done[i] = true;
	while (w->told < b->n_paths && w->done[w->told]) {
		if (b->each)
			b->each(b->ctx, &w->results[w->told]);
		w->told++;
	}
	pthread_mutex_unlock(&w->lock);
}

static void run_one(const struct drill_batch *b, int i,
		    struct drill_result *out)
{
	last_words_set("%s: died\n", b->paths[i]);
	if (b->fault)
		drill_fault_file(b->paths[i], &b->setup, b->fault, out);
	else
		drill_file(b->paths[i], &b->setup, out);
}

static void *work(void *ctx)
{
	struct work *w = ctx;
	int i;

	while ((i = take(w)) >= 0) {
		run_one(w->batch, i, &w->results[i]);
		tell(w, i);
	}
	return NULL;
}

void drill_batch_run(const struct drill_batch *b, struct drill_result *results)
{
	struct work w = { .batch = b, .results = results };
	pthread_t threads[JOBS_MAX];
	int n = 0, i;
	struct drill_mem mem = { 0 };

	pthread_mutex_init(&w.lock, NULL);
	w.done = drill_mem_new(&mem, (size_t)b->n_paths * sizeof(*w.done) + 1);
	while (n < b->n_jobs - 1 && n < JOBS_MAX && n < b->n_paths - 1) {
		if (pthread_create(&threads[n], NULL, work, &w))
			break;
		n++;
	}
	work(&w);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&w.lock);
	drill_mem_fini(&mem);
}
