// SPDX-License-Identifier: BSD-2-Clause
/* An event of a host's trace as a line of text. */
#ifndef TOOLS_TRACE_TEXT_H
#define TOOLS_TRACE_TEXT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* The row is as the control socket tells it; begun_at (ns) is its zero. */
void trace_text(FILE *out, const json_t *row, int64_t begun_at);

#endif
