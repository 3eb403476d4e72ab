/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames of the control socket, between local programs and secmigd:
 *
 *   u32 length of the body, u16 type, u16 version, body
 *
 * The client speaks first.  Layouts of the bodies: docs/protocol.md, section
 * "Control socket".
 */
#ifndef SM_BASE_FRAME_H
#define SM_BASE_FRAME_H

#define FRAME_VERSION 1
#define FRAME_HEADER_LEN 8
#define FRAME_CONFIG_MAX (1024 * 1024)          /* domain config, bytes */
#define FRAME_BODY_MAX (FRAME_CONFIG_MAX + 4096)
#define FRAME_NAME_MAX 255                      /* domain name, bytes */
#define FRAME_RULE_MAX 128
#define FRAME_TEXT_MAX 512                      /* of ANSWER and RESULT */
#define FRAME_STATUS_MAX 16384                  /* of STATUS-IS */
#define FRAME_ROLE_MAX 128                      /* id of a policy's role */
#define FRAME_TICKET_MAX 8192
#define FRAME_VM_POLICY_MAX 65536               /* the document ... */
#define FRAME_SIGNATURE_MAX 4096                /* ... and its signature */
#define FRAME_OUTPUT_MAX (FRAME_VM_POLICY_MAX + FRAME_SIGNATURE_MAX)

enum frame_type {
    FRAME_MIGRATE = 1,      /* client > daemon */
    FRAME_ANSWER = 2,       /* daemon > client */
    FRAME_STREAM = 3,       /* daemon > client, with one descriptor */
    FRAME_RESULT = 4,       /* daemon > client */
    FRAME_CANCEL = 5,       /* client > daemon: give it up.  From a client
                             * that has got its stream: it has failed, the
                             * guest goes on here (xl has resumed it, if need
                             * be), and the client will not touch it again;
                             * RESULT says why */
    FRAME_HAND_OVER = 6,    /* client > daemon: all is sent, the guest is
                             * suspended, and the daemon's from now on */
    FRAME_READY = 7,        /* daemon > client with FRAME_WEAK_HANDOVER: the
                             * other host holds the whole copy */
    FRAME_STATUS = 16,      /* client > daemon */
    FRAME_STATUS_IS = 17,   /* daemon > client */
    /* What operators ask for.  Each is decided for the account behind the
     * socket; each has the role to act in as its first str, "" for all. */
    FRAME_MIGRATE_FOR = 32, /* client > daemon, as all of these */
    FRAME_APPROVE = 33,
    FRAME_ABORT = 34,
    FRAME_RELOAD = 35,
    FRAME_TICKET = 36,
    FRAME_VM_POLICY_ADD = 37,
    FRAME_VM_POLICY_LIST = 38,
    FRAME_VM_POLICY_SHOW = 39,
    FRAME_VM_POLICY_REMOVE = 40,
    FRAME_OUTPUT = 41,      /* daemon > client */
    FRAME_PLATFORM_ACCEPT = 42,     /* client > daemon, as these two */
    FRAME_TRUST_POLICY = 43,
    FRAME_HANDOVER_LIST = 44,
    FRAME_HANDOVER_SHOW = 45,
    FRAME_HANDOVER_SETTLE = 46,
    FRAME_HANDOVER_FENCE = 47,
};

/* Flags of MIGRATE. */
#define FRAME_LEAVE_PAUSED 1u       /* do not unpause on the destination */
#define FRAME_WEAK_HANDOVER 2u      /* an unpatched xl behind a transport */
#define FRAME_FLAGS_ALL 3u

/* Flags of HANDOVER-SETTLE: role, u32 flags, str guest. */
#define FRAME_SETTLE_UNDO 1u        /* have it undone, if it still can be */
#define FRAME_SETTLE_ASK 2u         /* only say what that would do */
/* HANDOVER-FENCE: role, u32 flags, str host, str shown: the hash of the text
 * that this was answered with, with FRAME_FENCE_ASK, in hexadecimal, if that
 * is what has been agreed to; empty: whatever it is by now.  Flags: */
#define FRAME_SHOWN_LEN 32u
#define FRAME_FENCE_ASK 1u          /* only say what that would do */
#define FRAME_FENCE_APPROVE 2u      /* agree to it, where it takes several */
/* What is only asked for is answered by OUTPUT. */

#define FRAME_DOMID_UNKNOWN 0xffffffffu

#endif
