/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the parent: this host's own certificate (trust/certificate.h). */
#ifndef SECMIGD_OWN_CERTIFICATE_H
#define SECMIGD_OWN_CERTIFICATE_H

#include "base/wire.h"

/*
 * Append this host's certificate as a blob, for PEER_KEEPER; an empty one
 * when there is no file ETC/host.cert.  It is read afresh each time, like the
 * pairings, so that a renewed one counts without a restart.  One that is
 * unsafe, damaged, or of another host or key would only be refused at the far
 * end: it is not shown, and the log says so, once for each reason.
 */
void own_certificate_put(struct sm_wire_writer *w);

#endif
