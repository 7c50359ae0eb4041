// SPDX-License-Identifier: BSD-2-Clause
/* The test's stand-in for packetdrill: see plugin_host.c. */
#ifndef TEST_PLUGIN_HOST_H
#define TEST_PLUGIN_HOST_H

#include "lab/drill_parse.h"
#include "lab/drill_run.h"
#include "lab/plugin/plugin_abi.h"

/* An adapter over a filled-in interface. */
struct drill_adapter *plugin_client_new(const struct packetdrill_interface *,
					int64_t now);

#endif
