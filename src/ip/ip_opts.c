// SPDX-License-Identifier: BSD-2-Clause
/*
 * Values of socket options: the target's own int and long, wherever the
 * caller's pointer leads, so nothing is read but by memcpy().
 */
#include "ip/ip_opts.h"

#include "base/time.h"

#include <limits.h>
#include <tern/error.h>

int ip_opt_read_int(const void *value, size_t len, int *out)
{
	if (len < sizeof(*out))
		return -TERN_EINVAL;
	memcpy(out, value, sizeof(*out));
	return 0;
}

int ip_opt_read_byte_or_int(const void *value, size_t len, int *out)
{
	uint8_t byte = 0;

	if (len >= sizeof(*out))
		return ip_opt_read_int(value, len, out);
	if (len)
		memcpy(&byte, value, 1);
	*out = byte;
	return 0;
}

int ip_opt_write(void *value, size_t *len, const void *from, size_t n)
{
	*len = min_size(*len, n);
	memcpy(value, from, *len);
	return 0;
}

int ip_opt_write_int(void *value, size_t *len, int v)
{
	return ip_opt_write(value, len, &v, sizeof(v));
}

int ip_opt_write_byte_or_int(void *value, size_t *len, int v)
{
	uint8_t byte = (uint8_t)v;

	if (*len && *len < sizeof(v) && v >= 0 && v <= 255)
		return ip_opt_write(value, len, &byte, 1);
	return ip_opt_write_int(value, len, v);
}

int ip_opt_read_timeval(const void *value, size_t len, int64_t *ns)
{
	long tv[2];

	if (len < sizeof(tv))
		return -TERN_EINVAL;
	memcpy(tv, value, sizeof(tv));
	if (tv[1] < 0 || tv[1] >= 1000000)
		return -TERN_EDOM;
	*ns = 0;
	/* Negative is "do not wait" to Linux, which nobody here does. */
	if (tv[0] >= 0 && tv[0] < (int64_t)INT32_MAX)
		*ns = tv[0] * NS_PER_S + tv[1] * NS_PER_US;
	return 0;
}

int ip_opt_write_timeval(void *value, size_t *len, int64_t ns)
{
	long tv[2] = { (long)(ns / NS_PER_S),
		       (long)(ns % NS_PER_S / NS_PER_US) };

	return ip_opt_write(value, len, tv, sizeof(tv));
}
