/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the parent: what operators ask for, on their own socket or on the
 * control socket.  Each request is decided for the Unix account that the
 * kernel names, and logged.
 *
 *   OP_IDLE    nothing asked yet                             (operate.c)
 *   OP_FACTS   secmig-xl tells which guest is meant
 *   OP_MOVE    xl runs for the operator                 (operate_move.c)
 *   OP_ENDED   the client has its last word
 */
#ifndef SECMIGD_OPERATE_H
#define SECMIGD_OPERATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/frame.h"
#include "state/evidence.h"
#include "parent/client.h"
#include "parent/facts.h"
#include "handover/journal.h"
#include "ipc.h"
#include "decision/judge.h"
#include "parent/loop.h"
#include "policy/decide.h"
#include "parent/reload.h"
#include "parent/spawn.h"
#include "state/vm_policy.h"

enum op_state { OP_IDLE, OP_FACTS, OP_MOVE, OP_ENDED };

struct operate {
    unsigned long id;
    uid_t uid;
    char account[CLIENT_ACCOUNT_SIZE];
    enum op_state state;
    struct child control;
    struct loop_watch control_watch;    /* fd -1: the client has gone */
    struct loop_timer timer;
    struct run run;                     /* secmig-xl */
    bool answered;                      /* ANSWER was sent; RESULT is next */

    enum ipc_type asked;
    char role[FRAME_ROLE_MAX + 1];      /* "": all roles */
    char vm[FRAME_NAME_MAX + 1];        /* as the operator named it */
    char host[SM_CONF_NAME_MAX + 1];
    char shown[FRAME_SHOWN_LEN + 1];    /* HANDOVER-FENCE: see base/frame.h */
    uint32_t flags;
    struct facts domain;                /* what libxl says it is */
    void (*have_domain)(struct operate *o);
    int policy, signature;              /* memfds; -1: none */
    struct reload_waiter reload;
    struct judge judge;                 /* of a ticket */
    struct vm_policy_add add;
    bool adding;

    /* OP_MOVE */
    struct child xl;                    /* pid is its session's id, too */
    struct loop_watch output;
    struct loop_timer patience;
    char line[256];                     /* what xl says, line by line */
    size_t line_len;
    size_t said;                        /* bytes logged */
    unsigned long migration;            /* id of its outgoing; 0: none yet */
    bool have_verdict, xl_ended;
    int verdict, xl_code;
    char rule[FRAME_RULE_MAX + 1];
    char text[FRAME_TEXT_MAX + 1];
    struct operate *next;
};

/* ---- operate.c: clients ---- */

/* Takes over `fd`, a connection to the operator socket. */
void operate_new(int fd, const struct ucred *cred);

/* Whether a message of a control process is one that operators send. */
bool operate_is(uint16_t type);

/*
 * A client of the control socket turns out to be an operator: take over its
 * control process and its first message.
 *   control, channel  its process and the parent's end; no more the caller's
 */
void operate_take(struct child *control, int channel, uid_t uid,
                  const char *account, struct ipc_message *first);

/* Look a guest up by `o->vm`; `done` has o->domain when err is 0. */
void operate_ask_domain(struct operate *o, void (*done)(struct operate *o));

/* An answer that is not the last word. */
void operate_answer(struct operate *o, int code, const char *rule,
                    const char *text);

/* The client's last word, once; the session ends when it is told. */
void operate_finish(struct operate *o, int code, const char *rule,
                    const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* As operate_finish() for a refusal by policy. */
void operate_refuse(struct operate *o, const struct sm_policy_decision *d);

/* The client's last word is text of several lines: as OUTPUT, or, when it is
 * shorter than FRAME_STATUS_MAX, as STATUS-IS. */
void operate_output(struct operate *o, const char *text, size_t len);
void operate_status_is(struct operate *o, const char *text);

void operate_free(struct operate *o);

/* All sessions, for operate_move.c. */
struct operate *operate_first(void);

/* ---- operate_decide.c: what policy says ---- */

/* As operate_decide(), without the log and without root's rights. */
void operate_ask_policy(const struct operate *o,
                        enum sm_policy_action action,
                        const struct facts *domain, const char *host,
                        bool preview, struct sm_policy_decision *out);

/*
 * Decide an action by this host's policy, and log it.
 *   domain  the guest, NULL: none is concerned
 *   host    the destination, NULL: none is concerned
 *   preview see policy/request.h
 * Root may always do all but migrate: it could anyway.
 */
void operate_decide(const struct operate *o, enum sm_policy_action action,
                    const struct facts *domain, const char *host,
                    bool preview, struct sm_policy_decision *out);

/*
 * Likewise, about a guest that is in a handover, in either direction.
 *   evidence  approvals; NULL: none
 */
void operate_decide_handover(const struct operate *o,
                             enum sm_policy_action action,
                             const struct sm_handover_record *record,
                             const struct evidence *evidence, bool preview,
                             struct sm_policy_decision *out);

/* Whether the client may, by policy; if not, it has been told. */
bool operate_may(struct operate *o, enum sm_policy_action action,
                 const struct facts *domain, const char *host);

/* ---- operate_move.c: xl on an operator's behalf ---- */

void operate_move(struct operate *o);       /* IPC_CLIENT_MIGRATE_FOR */
void operate_move_cancel(struct operate *o, const char *text);
void operate_move_clear(struct operate *o);

/*
 * Whose xl a root client of the control socket is: the session whose xl runs
 * in the same Unix session as the client.
 * Returns that session's id, 0 when there is none.
 */
unsigned long operate_claim(const struct ucred *cred);

/*
 * The client claimed for `id` asks for a migration.  That is the operator's,
 * not root's: account and role are filled in.
 *   account  out: CLIENT_ACCOUNT_SIZE bytes;  role  out: FRAME_ROLE_MAX + 1 bytes
 * Returns 0; SM_REFUSED_LOCAL when it is not the guest and the host that the
 * operator named, or the second one; SM_CANCELLED when the session has gone.
 */
int operate_begins(unsigned long id, unsigned long migration,
                   const uint8_t uuid[static 16], const char *host,
                   char *account, char *role) SM_WARN_UNUSED;

/* ... and how it has ended. */
void operate_verdict(unsigned long id, unsigned long migration, int code,
                     const char *rule, const char *text);

/* ---- operate_ask.c: everything else that can be asked ---- */

void operate_approve(struct operate *o);
void operate_abort(struct operate *o);
void operate_reload(struct operate *o);
void operate_reloaded(void *ctx, int err, const char *text);
void operate_ticket(struct operate *o, const uint8_t *text, size_t len);
void operate_status(struct operate *o);
void operate_ask_clear(struct operate *o);

/* ---- operate_trust.c: what this host trusts ---- */

void operate_platform_accept(struct operate *o);
void operate_trust_policy(struct operate *o, const uint8_t *text, size_t len);

/* ---- operate_handover.c: guests between two hosts ---- */

void operate_handover_list(struct operate *o);
void operate_handover_show(struct operate *o);
void operate_handover_settle(struct operate *o);
void operate_handover_fence(struct operate *o);

/* Lines about open ones for STATUS; `account` NULL: everybody's. */
void operate_handover_status(char *out, size_t size, const char *account);

/* ---- operate_vm_policy.c ---- */

void operate_vm_policy(struct operate *o);      /* IPC_CLIENT_VM_POLICY_* */
void operate_vm_policy_clear(struct operate *o);

#endif
