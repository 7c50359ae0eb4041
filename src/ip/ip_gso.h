// SPDX-License-Identifier: BSD-2-Clause
/*
 * The edge: what a link cannot do by itself is done here, in one place, for
 * every packet that leaves and for every packet that a capture shows.
 */
#ifndef IP_GSO_H
#define IP_GSO_H

#include "base/pkt.h"

/*
 * Cuts a TCP packet with gso_size into segments of at most that payload, in
 * order, at the end of `out`. Payload bytes are shared with `in`, not copied;
 * each segment has a head of its own with headroom for what wraps it, its
 * checksum PARTIAL, its link and departure those of `in`. `in` stays the
 * caller's, unchanged, and so does who accounts for it (TERN_PKT_TOLD).
 *
 * Returns the number of segments; -TERN_EINVAL if it is no such packet or its
 * headers are not linear; -TERN_ENOMEM. On failure `out` is as it was.
 */
int ip_gso_segment(struct tern_pool *, const struct tern_pkt *in,
		   struct pktq *out);

/*
 * Finishes a checksum that holds only the pseudo-header's sum; others are left
 * alone. The caller holds the only reference on the packet's head. False if
 * the field lies outside the linear part: such a packet is not fit to send.
 */
bool ip_csum_complete(struct tern_pkt *);

#endif
