// SPDX-License-Identifier: BSD-2-Clause
/*
 * Headers around a packet: IP in IP, GRE (RFC 2784, RFC 2890), MPLS labels
 * (RFC 3032) in IP (RFC 4023) or in GRE.
 */
#ifndef LAB_DRILL_ENCAP_H
#define LAB_DRILL_ENCAP_H

#include "drill_wire.h"

/* Puts the headers that the line asks for before the packet of n bytes that is
 * in `out`. Returns the length of all; one that would be too long is cut. */
size_t drill_encap_build(const struct drill_pkt *, unsigned char *out,
			 size_t n);

/* What was read as the packet's IP header was one around it. False: there is
 * no room for more. */
bool drill_encap_push_ip(struct drill_live *);
/* Reads such a header. Returns its length; 0: it cannot be read, or there is no
 * room for more. *labels: MPLS follows, not IP. */
size_t drill_encap_read_gre(const unsigned char *, size_t n,
			    struct drill_live *, bool *labels);
size_t drill_encap_read_mpls(const unsigned char *, size_t n,
			     struct drill_live *);

#endif
