// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls that move data. What is sent is the alphabet again and again, or a
 * text; of what is read the beginning is kept, for expectations.
 */
#include "lab_call_priv.h"

#include "drill_parse.h"

#include <string.h>

#define CHUNK_LEN 65536
/* What a program can name in one call: sizes beyond are mistakes. */
#define SIZE_MAX_SENT INT64_C(1000000000000)

/* The bytes that a send argument stands for, from `off` on: *n of them, at most
 * a chunk. They stay the callee's. */
static const void *bytes_of(const struct lab_arg *a, int64_t off, size_t *n)
{
	static _Thread_local uint8_t alphabet[CHUNK_LEN + 26];
	int64_t len = a->kind == LAB_NUMBER ? a->number : (int64_t)a->len;

	*n = (size_t)max_i64(min_i64(len - off, CHUNK_LEN), 0);
	if (a->kind == LAB_TEXT)
		return a->text + off;
	/* Made once: who waits for room asks again and again. */
	if (!alphabet[0]) {
		for (size_t i = 0; i < sizeof(alphabet); i++)
			alphabet[i] = (uint8_t)('a' + i % 26);
	}
	return alphabet + off % 26;
}

static bool is_size(const struct lab_arg *a)
{
	return a->kind == LAB_TEXT ||
	       (a->kind == LAB_NUMBER && a->number >= 0 &&
		a->number <= SIZE_MAX_SENT);
}

static int64_t flags_of(struct lab_run *run, const struct lab_step *s, int i)
{
	int64_t v = 0;

	if (i < s->n_args && s->args[i].kind == LAB_NUMBER)
		return s->args[i].number;
	if (i < s->n_args &&
	    !drill_sym_find(s->args[i].text, s->args[i].len, &v))
		lab_call_bad(run, s,
			     "\"%s\" is no flag: MSG_MORE, MSG_OOB, MSG_PEEK",
			     s->args[i].text);
	return v;
}

int64_t lab_call_send(struct lab_run *run, struct lab_app *app,
		      const struct lab_step *s)
{
	const struct lab_arg *a = &s->args[1];
	int64_t len = a->kind == LAB_NUMBER ? a->number : (int64_t)a->len;
	SOCKET_OR_RETURN(v);

	if (!is_size(a))
		return lab_call_bad(run, s,
				    "send takes a number of bytes, or a text: "
				    "not \"%s\"",
				    a->text);
	do {
		size_t n;
		const void *bytes = bytes_of(a, app->done, &n);
		int64_t r;

		/* An error is for the next call, as some have been taken. */
		if (app->done && sys->poll(h, v->fd) & TERN_POLLERR)
			return app->done;
		r = sys->send(h, v->fd, bytes, n, (int)flags_of(run, s, 2));

		if (r == -TERN_EAGAIN && (!s->nowait || !app->done))
			return r;
		if (r < 0 && app->done && r != -TERN_EAGAIN)
			app->stopped_by = (int)r;
		if (r < 0)
			return app->done ? app->done : r;
		app->done += r;
	} while (app->done < len);
	return app->done;
}

int64_t lab_call_sendto(struct lab_run *run, struct lab_app *app,
			const struct lab_step *s)
{
	struct tern_sockaddr to;
	const void *bytes;
	size_t n;
	SOCKET_OR_RETURN(v);

	if (!is_size(&s->args[1]) || !lab_call_address(run, &s->args[2], &to))
		return lab_call_bad(run, s, "%s",
				    "sendto(s, BYTES or TEXT, HOST:PORT)");
	bytes = bytes_of(&s->args[1], 0, &n);
	return sys->send_to(h, v->fd, bytes, n, &to);
}

static void keep(struct lab_app *app, const uint8_t *bytes, int64_t n)
{
	size_t k = min_size((size_t)n, sizeof(app->got) - app->n_got);

	memcpy(app->got + app->n_got, bytes, k);
	app->n_got += k;
}

int64_t lab_call_read(struct lab_run *run, struct lab_app *app,
		      const struct lab_step *s)
{
	static _Thread_local uint8_t buf[CHUNK_LEN];
	size_t most = s->n_args > 1 ? (size_t)s->args[1].number : CHUNK_LEN;
	int64_t r;
	SOCKET_OR_RETURN(v);

	r = sys->recv(h, v->fd, buf, min_size(most, CHUNK_LEN),
		      (int)flags_of(run, s, 2));
	if (r > 0)
		keep(app, buf, r);
	return r;
}

int64_t lab_call_readall(struct lab_run *run, struct lab_app *app,
			 const struct lab_step *s)
{
	static _Thread_local uint8_t buf[CHUNK_LEN];
	int64_t most = s->n_args > 1 ? s->args[1].number : INT64_MAX, r;
	SOCKET_OR_RETURN(v);

	while (app->done < most) {
		r = sys->recv(h, v->fd, buf,
			      (size_t)min_i64(most - app->done, CHUNK_LEN), 0);
		if (r == -TERN_EAGAIN && s->nowait && app->done)
			break;
		if (r < 0)
			return r;
		if (r == 0)
			break;
		keep(app, buf, r);
		app->done += r;
	}
	return app->done;
}
