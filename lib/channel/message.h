/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of the CONTROL stream: their layouts, who may send which
 * when, and how they are put together again from records.
 *
 *   message   u32 length of what follows, u16 type, body
 *
 * A message may cross record boundaries and a record may hold several.
 */
#ifndef SM_CHANNEL_MESSAGE_H
#define SM_CHANNEL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/wire.h"
#include "channel/papers.h"
#include "xen/cpu_features.h"
#include "xen/version.h"

#define SM_MESSAGE_VERSION 4
#define SM_MESSAGE_HEADER_LEN 6
#define SM_MESSAGE_CONFIG_MAX (1024 * 1024)
#define SM_MESSAGE_NAME_MAX 255
#define SM_MESSAGE_OPERATOR_MAX 64
#define SM_MESSAGE_RULE_MAX 128
#define SM_MESSAGE_TEXT_MAX 512
#define SM_MESSAGE_EVIDENCE_MAX 4096
#define SM_MESSAGE_ID_LEN 16    /* of a handover, and of a journal */
/* The longest message, header included. */
#define SM_MESSAGE_MAX \
    (SM_MESSAGE_HEADER_LEN + 2 + 16 + 8 + 4 + 4 + \
     4 * SM_XEN_FEATURE_WORDS + 2 * SM_MESSAGE_ID_LEN + 8 + 2 + \
     SM_MESSAGE_NAME_MAX + 2 + SM_MESSAGE_OPERATOR_MAX + 4 + \
     SM_MESSAGE_CONFIG_MAX + 4 + SM_PAPERS_MAX)

enum sm_message_type {
    SM_MESSAGE_REQUEST = 1,     /* source: may I send this guest? */
    SM_MESSAGE_ACCEPT = 2,      /* destination: yes, by this rule */
    SM_MESSAGE_REFUSE = 3,      /* destination: no, and why */
    SM_MESSAGE_KEEPALIVE = 4,   /* either: still here */
    SM_MESSAGE_CANCEL = 5,      /* source: give up, discard the copy */
    SM_MESSAGE_DONE = 6,        /* destination: how it ended; source: nothing
                                 * is left to settle */
    SM_MESSAGE_EVIDENCE = 7,    /* either, once, when the other demanded it */
    SM_MESSAGE_HANDOVER = 8,    /* either: a fact about who has the guest */
};

/* Who sent a message.  The source is the handshake's initiator. */
enum sm_message_role {
    SM_MESSAGE_SOURCE = 0,
    SM_MESSAGE_DESTINATION = 1,
};

/* Where a conversation stands; the same on both sides but for messages in
 * flight. */
enum sm_message_state {
    SM_MESSAGE_OPEN = 0,        /* nobody owes evidence (any more) */
    SM_MESSAGE_ASKED = 1,       /* after REQUEST */
    SM_MESSAGE_MOVING = 2,      /* after ACCEPT: STATE may flow */
    SM_MESSAGE_CANCELLED = 3,   /* after CANCEL: waiting for DONE */
    SM_MESSAGE_ENDED = 4,       /* after REFUSE or DONE */
    /* Before OPEN, when the handshake has brought a demand: */
    SM_MESSAGE_SOURCE_OWES = 5,         /* its EVIDENCE */
    SM_MESSAGE_DESTINATION_OWES = 6,
    SM_MESSAGE_BOTH_OWE = 7,
    /* A conversation without a guest, about handovers of earlier ones: */
    SM_MESSAGE_SETTLING = 8,    /* after the source's HANDOVER */
    SM_MESSAGE_SETTLED = 9,     /* after the source's DONE */
};

/* Flags of a REQUEST; all others must be 0. */
#define SM_MESSAGE_LEAVE_PAUSED 1   /* do not unpause on the destination */
#define SM_MESSAGE_WEAK_HANDOVER 2  /* unpatched xl on the source */
#define SM_MESSAGE_FLAGS_ALL 3

struct sm_message_request {
    uint16_t version;           /* SM_MESSAGE_VERSION */
    uint8_t uuid[16];
    uint64_t memory_kb;
    uint32_t flags;
    struct sm_xen_version xen;  /* the source's */
    struct sm_xen_features features;    /* what the guest has been told of */
    uint8_t id[SM_MESSAGE_ID_LEN];  /* of the handover to come: drawn by the
                                 * source, used once; not zero */
    uint8_t epoch[SM_MESSAGE_ID_LEN];   /* the source's journal; not zero */
    uint64_t sequence;          /* ... and how far it has come */
    char name[SM_MESSAGE_NAME_MAX + 1];         /* not empty */
    char operator[SM_MESSAGE_OPERATOR_MAX + 1]; /* who asked; for the log */
    const uint8_t *config;      /* borrowed; not empty */
    size_t config_len;
    const uint8_t *papers;      /* borrowed; see papers.h: not taken apart */
    size_t papers_len;          /* 0: none; at most SM_PAPERS_MAX */
};

struct sm_message_accept {
    char rule[SM_MESSAGE_RULE_MAX + 1];
};

/* Codes are numbers of base/err.h, positive; 0 is success (DONE only). */
struct sm_message_refuse {
    uint16_t code;
    char rule[SM_MESSAGE_RULE_MAX + 1];
    char text[SM_MESSAGE_TEXT_MAX + 1];
};

struct sm_message_verdict {     /* CANCEL and DONE */
    uint16_t code;
    char text[SM_MESSAGE_TEXT_MAX + 1];
};

struct sm_message_evidence {
    const uint8_t *evidence;    /* borrowed; trust/attest.h takes it apart */
    size_t len;                 /* 0: none, ... */
    char why[SM_MESSAGE_TEXT_MAX + 1];  /* ... for this reason; else empty */
};

/* What handover/handover.h has one host say to the other.  Nothing between
 * the two parents looks into it, but for its form and who may say it. */
struct sm_message_handover {
    uint8_t fact;               /* enum sm_handover_fact */
    uint8_t id[SM_MESSAGE_ID_LEN];      /* of the handover; not zero */
    uint8_t epoch[SM_MESSAGE_ID_LEN];   /* the sender's journal; not zero */
    uint64_t sequence;          /* ... and how far it has come */
    uint16_t code;              /* why, as in base/err.h; 0: no reason */
    char text[SM_MESSAGE_TEXT_MAX + 1]; /* ... in words */
};

struct sm_message {
    enum sm_message_type type;
    union {
        struct sm_message_request request;
        struct sm_message_accept accept;
        struct sm_message_refuse refuse;
        struct sm_message_verdict cancel;
        struct sm_message_verdict done;
        struct sm_message_evidence evidence;
        struct sm_message_handover handover;
    } u;
};

/* "REQUEST" and so on; "?" for a number that is no type. */
const char *sm_message_name(unsigned int type);

/*
 * Where a conversation stands after the handshake.
 *   of_source       whether a quote of the source's platform was demanded
 *                   (by HELLO), which then comes before REQUEST
 *   of_destination  whether one of the destination's was (by CHOICE); the
 *                   source's REQUEST waits for it
 */
enum sm_message_state sm_message_begin(bool of_source, bool of_destination);

/*
 * Whether `role` may send a message of this type in this state.  Everything
 * that the table does not name is refused, unknown numbers too.
 *   type   as received, not trusted
 */
bool sm_message_permitted(enum sm_message_role role,
                          enum sm_message_state state, unsigned int type);

/* The state after a permitted message; unchanged for one that is not. */
enum sm_message_state sm_message_after(enum sm_message_role role,
                                       enum sm_message_state state,
                                       unsigned int type);

/*
 * Whether `role` may say this fact in a HANDOVER: a source GO, ABORT, CANCEL
 * and SETTLED; a destination READY, REFUSED, STARTED and SETTLED.
 *   fact   as received, not trusted
 */
bool sm_message_may_say(enum sm_message_role role, unsigned int fact);

/*
 * Longest body of a type in bytes, 0 when there is none or the type is
 * unknown.
 */
size_t sm_message_body_max(unsigned int type);

/*
 * Append one message, header included, to a writer that was started with a
 * cap of at least SM_MESSAGE_MAX.
 * Returns 0; SM_USAGE for a field that breaks its rule; or the writer's
 * error.  After an error the writer's content is not to be sent.
 */
int sm_message_encode(struct sm_wire_writer *w, const struct sm_message *m)
    SM_WARN_UNUSED;

/*
 * Decode one body.
 *   type        as received, not trusted
 *   body, len   what follows the header; `out` borrows from it
 * Returns 0; SM_PROTOCOL for anything but exactly one body of that type with
 * every field within its rule (*out is then zeroed).
 */
int sm_message_decode(unsigned int type, const uint8_t *body, size_t len,
                      struct sm_message *out) SM_WARN_UNUSED;

/*
 * The body of HANDOVER alone; between processes of one host it travels as on
 * the wire.  get: a field that breaks its rule sets the reader's error.
 */
void sm_message_handover_put(struct sm_wire_writer *w,
                             const struct sm_message_handover *h);
void sm_message_handover_get(struct sm_wire_reader *r,
                             struct sm_message_handover *h);

/* Puts messages together from the plaintext of CONTROL records. */
struct sm_message_reader {
    enum sm_message_role sender;
    uint8_t header[SM_MESSAGE_HEADER_LEN];
    size_t have;                /* bytes of header and body so far */
    size_t need;                /* bytes of the body */
    uint8_t *body;              /* malloc'd once the header is accepted */
    int error;
};

/* Start; `sender` is the role of the peer that we read from. */
void sm_message_reader_init(struct sm_message_reader *r,
                            enum sm_message_role sender);

/* Free; may be called twice. */
void sm_message_reader_dispose(struct sm_message_reader *r);

/*
 * Take bytes until one message is complete or they are used up.
 *   state       where the conversation stands now
 *   data, len   in and out: moved past what was taken
 *   out         the message when *ready; what it borrows is valid until the
 *               next call on this reader
 * The type must be permitted, and the length within the type's cap, before
 * anything is allocated.
 * Returns 0; SM_PROTOCOL for a message that is malformed, not permitted now,
 * or a fact that is not the sender's to say; SM_NO_MEMORY.  After an error every further call returns it again.
 */
int sm_message_reader_next(struct sm_message_reader *r,
                           enum sm_message_state state,
                           const uint8_t **data, size_t *len,
                           struct sm_message *out, bool *ready)
    SM_WARN_UNUSED;

/* Whether no message is half read: must be true at CONTROL's FINAL. */
bool sm_message_reader_idle(const struct sm_message_reader *r);

#endif
