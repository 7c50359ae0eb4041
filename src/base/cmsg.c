// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and writing control messages, byte by byte: the buffer is the
 * program's and aligned to nothing.
 */
#include "base/cmsg.h"

#include <tern/error.h>

struct head {
	size_t len; /* header included, padding not */
	int level, type;
};

static size_t aligned(size_t n)
{
	return (n + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
}

void cmsg_put(struct cmsg_out *out, int level, int type, const void *data,
	      size_t n)
{
	struct head h = { sizeof(h) + n, level, type };
	size_t left = out->room - out->len;

	if (left < sizeof(h)) {
		out->truncated = true;
		return;
	}
	if (left < h.len) {
		out->truncated = true;
		h.len = left;
		n = left - sizeof(h);
	}
	memcpy(out->p + out->len, &h, sizeof(h));
	memcpy(out->p + out->len + sizeof(h), data, n);
	n = min_size(aligned(h.len), left);
	memset(out->p + out->len + h.len, 0, n - h.len);
	out->len += n;
}

void cmsg_put_int(struct cmsg_out *out, int level, int type, int v)
{
	cmsg_put(out, level, type, &v, sizeof(v));
}

int cmsg_next(const void *control, size_t n, size_t *off, struct cmsg_in *out)
{
	const uint8_t *p = control;
	struct head h;

	if (!p || n < *off || n - *off < sizeof(h))
		return 0;
	memcpy(&h, p + *off, sizeof(h));
	if (h.len < sizeof(h) || h.len > n - *off)
		return -TERN_EINVAL;
	*out = (struct cmsg_in){
		.level = h.level,
		.type = h.type,
		.data = p + *off + sizeof(h),
		.len = h.len - sizeof(h),
	};
	*off += aligned(h.len);
	return 1;
}
