// SPDX-License-Identifier: BSD-2-Clause
/* Instants (_at) and durations (_ns) are int64 nanoseconds. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#define NEVER INT64_MAX
#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

#endif
