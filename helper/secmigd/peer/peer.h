/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the peer process: one connection, from handshake to end.
 *
 *   PEER_KEEPER     the parent brings the way to the host key.  Source: at
 *                   once; destination: when message 1 has come
 *   PEER_HANDSHAKE  Noise XX(hfs)                    (peer_handshake.c)
 *   PEER_KEY        the parent judges the other side's static key
 *   PEER_PROVE      evidence that was demanded is exchanged (peer_prove.c)
 *   PEER_ASK        source: the REQUEST is to be sent; destination: awaited
 *   PEER_ANSWER     source: ACCEPT or REFUSE awaited from the other side;
 *                   destination: awaited from the parent
 *   PEER_OPEN       source: accepted, the parent brings the stream
 *   PEER_MOVE       STATE flows, source to destination  (peer_pump.c), and
 *                   handover messages both ways         (peer_handover.c)
 *   PEER_SETTLING   no guest, only handover messages
 *   PEER_CLOSING    the result is known: flush, say goodbye
 */
#ifndef SECMIGD_PEER_H
#define SECMIGD_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/err.h"
#include "channel/hello.h"
#include "channel/message.h"
#include "channel/noise.h"
#include "ipc.h"
#include "peer/link.h"

enum peer_phase {
    PEER_KEEPER, PEER_HANDSHAKE, PEER_KEY, PEER_PROVE, PEER_ASK, PEER_ANSWER,
    PEER_OPEN, PEER_MOVE, PEER_SETTLING, PEER_CLOSING,
};

/* How long a conversation that settles may be without a handover message,
 * milliseconds. */
#define PEER_SETTLE_TIME 60000

struct peer {
    const struct sm_conf *conf;
    bool initiator;
    bool settles;                       /* initiator: no request will come */
    char other[SM_CONF_NAME_MAX + 1];   /* the other host, for messages */
    struct link *link;
    int keeper;                         /* request socket; -1: not yet */
    enum peer_phase phase;
    int64_t deadline;                   /* of the phase */

    /* handshake */
    struct sm_noise *noise;
    uint8_t own_public[SM_NOISE_KEY_LEN];
    struct sm_hello_certificate certificate;    /* our own */
    unsigned int step;                  /* message 1 to 3 */
    enum sm_hello_kind kind;            /* PLAIN or HFS */
    uint32_t features;                  /* what we have and would use */
    struct sm_hello hello;              /* the responder's, as received */
    struct sm_hello_choice choice;
    struct sm_hello_demand ours, theirs;        /* for a quote */
    uint8_t hash[SM_HASH_MAX];          /* of the handshake, at its end */

    /* evidence */
    bool quoted;                        /* ours has been sent */
    bool heard;                         /* theirs is with the parent ... */
    bool judged;                        /* ... which is content */

    /* conversation */
    struct sm_message_reader reader;
    enum sm_message_state state;
    struct sm_message_request request;  /* source: to be sent */
    uint8_t *config, *papers;           /* owned; those of `request` */
    bool have_request;

    /* the stream */
    int local_in;                       /* source: from xl; -1: closed */
    int local_out;                      /* destination: to xl; -1: closed */
    const uint8_t *held;                /* STATE plaintext not yet written */
    size_t held_len;
    bool held_final;                    /* close local_out after it */
    int64_t progress;                   /* last time STATE moved */
    int64_t listening;                  /* since when we want to hear */
    uint64_t sent, received;            /* STATE bytes */

    bool done;                          /* leave the loop */
};

/*
 * The result is known: tell the parent, once, and stop moving.
 *   code  0 or a value of enum sm_err
 */
void peer_end(struct peer *p, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Which of the two hosts we speak for. */
static inline enum sm_message_role peer_role(const struct peer *p)
{
    return p->initiator ? SM_MESSAGE_SOURCE : SM_MESSAGE_DESTINATION;
}

/* Enter a phase, with `ms` to live in it. */
void peer_enter(struct peer *p, enum peer_phase phase, int64_t ms);

/* peer_parent.c: a message of the parent is there, or it has gone. */
void peer_hear_parent(struct peer *p);

/* peer_handshake.c: errors end the peer with their own words. */
void peer_handshake_start(struct peer *p);
void peer_handshake_keeper(struct peer *p);     /* p->keeper is there */
void peer_handshake_frame(struct peer *p);      /* a frame is complete */
void peer_handshake_go_on(struct peer *p);      /* the key is accepted */

/* peer_prove.c */
void peer_prove_start(struct peer *p);          /* both keys are accepted */
void peer_prove_quote(struct peer *p, struct sm_wire_reader *r);
void peer_prove_heard(struct peer *p, const struct sm_message_evidence *e);
void peer_prove_go_on(struct peer *p);          /* if nothing is owed */

/* peer_messages.c */
void peer_ask(struct peer *p);          /* enter PEER_ASK; source: ask */
void peer_refuse(struct peer *p, int code, const char *rule,
                 const char *text);
/* CONTROL plaintext arrived. */
void peer_control(struct peer *p, const uint8_t *data, size_t len,
                  bool final);

/* peer_handover.c */
void peer_handover_start(struct peer *p);       /* source: no request */
void peer_handover_say(struct peer *p, struct sm_wire_reader *r);
void peer_handover_heard(struct peer *p, const struct sm_message_handover *h);

/* peer_pump.c */
void peer_pump_start(struct peer *p, int fd);   /* enter PEER_MOVE */
void peer_pump_close(struct peer *p);
void peer_pump_in(struct peer *p);              /* local_in is readable */
void peer_pump_out(struct peer *p);             /* local_out is writable */
/* STATE plaintext arrived; it stays valid until link_read(). */
void peer_pump_state(struct peer *p, const uint8_t *data, size_t len,
                     bool final);

#endif
