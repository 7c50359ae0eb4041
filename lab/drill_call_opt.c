// SPDX-License-Identifier: BSD-2-Clause
/* Socket options: [n], "bytes", {onoff=, linger=}, inet_addr("A"). */
#include "drill_call.h"

#include "drill_run.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 1024

static bool put_linger(const struct drill_expr *e, unsigned char *out,
		       socklen_t *len)
{
	const struct drill_expr *on = drill_call_member(e, "onoff");
	const struct drill_expr *secs = drill_call_member(e, "linger");
	struct linger linger = { 0 };

	if (!on || !secs || on->kind != DRILL_EX_NUM ||
	    secs->kind != DRILL_EX_NUM)
		return false;
	linger.l_onoff = (int)on->num;
	linger.l_linger = (int)secs->num;
	memcpy(out, &linger, sizeof(linger));
	*len = sizeof(linger);
	return true;
}

/* The bytes that a value stands for. */
static bool put_value(const struct drill_expr *e, unsigned char out[VALUE_MAX],
		      socklen_t *len)
{
	size_t n, skip;
	int v;

	if (e->kind == DRILL_EX_LIST && e->first && !e->first->next)
		e = e->first;
	switch (e->kind) {
	case DRILL_EX_NUM:
		v = (int)e->num;
		memcpy(out, &v, sizeof(v));
		*len = sizeof(v);
		return true;
	case DRILL_EX_STR:
		n = min_size(e->len, VALUE_MAX - 1);
		memcpy(out, e->str, n);
		out[n] = 0;
		*len = (socklen_t)n;
		return true;
	case DRILL_EX_STRUCT:
		return put_linger(e, out, len);
	case DRILL_EX_ADDR:
		skip = tern_addr_is_v4(&e->addr) ? 12 : 0;
		memcpy(out, e->addr.b + skip, 16 - skip);
		*len = (socklen_t)(16 - skip);
		return true;
	case DRILL_EX_ANY:
	case DRILL_EX_LIST:
		break;
	}
	return false;
}

int64_t drill_call_setsockopt(struct drill_run *r, struct drill_op *op)
{
	int level = (int)drill_call_number(r, op, 1);
	int name = (int)drill_call_number(r, op, 2);
	const struct drill_expr *e = drill_call_arg(op, 3);
	size_t size = drill_call_size(r, op, 4);
	unsigned char value[VALUE_MAX] = { 0 };
	socklen_t len = 0;

	if (r->failed)
		return 0;
	if (drill_call_is_null(e))
		return r->a->ops->setsockopt(r->a, op->fd, level, name, NULL,
					     (socklen_t)size);
	if (e->kind != DRILL_EX_ANY && !put_value(e, value, &len))
		return drill_call_bad(r, op, "argument 4 is no option value");
	if (size > VALUE_MAX)
		return drill_call_bad(r, op, "a value of %zu bytes", size);
	return r->a->ops->setsockopt(r->a, op->fd, level, name, value,
				     (socklen_t)size);
}

static void value_differs(struct drill_run *r, struct drill_op *op,
			  const unsigned char *want, const unsigned char *got,
			  socklen_t len)
{
	struct drill_text a = { 0 }, b = { 0 };
	int va, vb;
	socklen_t i;

	if (len == 4) {
		memcpy(&va, got, 4);
		memcpy(&vb, want, 4);
		drill_call_wrong(r, op, "the value is %d, not %d", va, vb);
		return;
	}
	for (i = 0; i < len; i++) {
		drill_text_add(&a, "%02x", got[i]);
		drill_text_add(&b, "%02x", want[i]);
	}
	drill_call_wrong(r, op, "the value is %s, not %s", a.s, b.s);
	free(a.s);
	free(b.s);
}

int64_t drill_call_getsockopt(struct drill_run *r, struct drill_op *op)
{
	int level = (int)drill_call_number(r, op, 1);
	int name = (int)drill_call_number(r, op, 2);
	const struct drill_expr *e = drill_call_arg(op, 3);
	size_t size = drill_call_size(r, op, 4);
	unsigned char want[VALUE_MAX] = { 0 }, got[VALUE_MAX] = { 0 };
	socklen_t want_len = 0, len = (socklen_t)min_size(size, VALUE_MAX);
	int result;

	if (r->failed)
		return 0;
	if (e->kind != DRILL_EX_ANY && !put_value(e, want, &want_len))
		return drill_call_bad(r, op, "argument 4 is no option value");
	result = r->a->ops->getsockopt(r->a, op->fd, level, name, got, &len);
	if (result < 0)
		return result;
	if (len != size)
		drill_call_wrong(r, op, "the value has %u bytes, not %zu",
				 (unsigned)len, size);
	else if (e->kind != DRILL_EX_ANY &&
		 memcmp(want, got, min_size(len, max_u32(want_len, 1))) != 0)
		value_differs(r, op, want, got, len);
	return result;
}
