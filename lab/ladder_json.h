// SPDX-License-Identifier: BSD-2-Clause
/* Events of ladders for machines. */
#ifndef LAB_LADDER_JSON_H
#define LAB_LADDER_JSON_H

#include "ladder.h"

#include <jansson.h>

/* {"kind": "packet", "at": 0.05, "lane": 0, "text": "SYN seq 0", "to": 1} */
json_t *ladder_json(const struct ladder_event *);

#endif
