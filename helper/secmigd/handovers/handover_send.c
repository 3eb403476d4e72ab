/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts, on their way to the peer of a connection. */
#include "handovers/handover.h"

#include "ipc.h"

int handover_send(int peer, const struct sm_message_handover *m)
{
    struct sm_wire_writer w;
    int rc = SM_LINK;

    sm_wire_writer_init(&w, IPC_MAX);
    sm_message_handover_put(&w, m);
    if (peer >= 0)
        rc = ipc_send(peer, IPC_PEER_HANDOVER, &w, NULL, 0);
    sm_wire_writer_dispose(&w);
    return rc;
}
