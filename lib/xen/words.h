/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What xl says to xl in a migration, beside libxl's stream (tools/xl/xl.h,
 * Xen 4.17 to 4.20).  The banner goes without its NUL, the others with it.
 *
 *   receiver: BANNER            sender: preamble (xen/savefile.h), stream
 *   receiver: READY             sender: GO
 *   receiver: REPORT and one byte, 0: the guest runs there; else the copy is
 *             destroyed, and GO follows: the sender may resume its guest
 */
#ifndef SM_XEN_WORDS_H
#define SM_XEN_WORDS_H

#define SM_XEN_BANNER "xl migration receiver ready, send binary domain data.\n"
#define SM_XEN_BANNER_LEN (sizeof(SM_XEN_BANNER) - 1)
#define SM_XEN_READY "domain received, ready to unpause"
#define SM_XEN_GO "domain is yours, you are cleared to unpause"
#define SM_XEN_REPORT "my copy unpause results are as follows"

#endif
