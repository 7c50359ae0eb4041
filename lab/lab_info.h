// SPDX-License-Identifier: BSD-2-Clause
/* TCP_INFO's fields by their names, without tcpi_: for scenarios and listings. */
#ifndef LAB_INFO_H
#define LAB_INFO_H

#include <tern/socket.h>

/* The i-th field's name, or NULL past the last. */
const char *lab_info_at(int i);
/* By name, in any case; -1: no such. */
int lab_info_find(const char *name);
uint64_t lab_info_value(const struct tern_tcp_info *, int i);

#endif
