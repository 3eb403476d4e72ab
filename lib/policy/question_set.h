/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What question.c (lines) and question_set.c (values) share.  Internal to
 * lib/policy. */
#ifndef SM_POLICY_QUESTION_SET_H
#define SM_POLICY_QUESTION_SET_H

#include "policy/question.h"

enum sm_question_key {
    SM_Q_ACTION, SM_Q_ACCOUNT, SM_Q_ROLE, SM_Q_VM, SM_Q_UUID, SM_Q_MEMORY,
    SM_Q_LABEL, SM_Q_SOURCE, SM_Q_DESTINATION, SM_Q_SUITE, SM_Q_POST_QUANTUM,
    SM_Q_ATTESTATION, SM_Q_VM_POLICY_OWNER, SM_Q_VM_POLICY, SM_Q_TIME,
    SM_Q_PREVIEW, SM_Q_EVENT_LOG, SM_Q_ATTESTATION_AUTHORITY,
    SM_Q_RESET_APPROVED,
    /* of one host: the same again for the other */
    SM_Q_SOURCE_KEY, SM_Q_SOURCE_AUTHORITY, SM_Q_SOURCE_LOCATION,
    SM_Q_SOURCE_JURISDICTION, SM_Q_SOURCE_PLATFORMS,
    SM_Q_DESTINATION_KEY, SM_Q_DESTINATION_AUTHORITY,
    SM_Q_DESTINATION_LOCATION, SM_Q_DESTINATION_JURISDICTION,
    SM_Q_DESTINATION_PLATFORMS,
    /* may be there more than once */
    SM_Q_TICKET, SM_Q_APPROVAL, SM_Q_USE, SM_Q_CONFIG, SM_Q_PCR,
    SM_Q_KEYS
};

/* What is being read. */
struct sm_question_reader {
    struct sm_policy_question *q;
    const struct sm_policy *policy;
    bool again;                     /* these lines override those before */
    bool seen[SM_Q_KEYS];                /* in these lines */
    uint32_t pcrs;                  /* ... */
    const char *authorities[2], *attester;
    unsigned int line;
    char *why;
    size_t why_size;
};

/* Set a key to a value, "" taking it back.  Returns NULL, or what is wrong.
 * The value is the question's own text and may be cut up. */
const char *sm_question_set(struct sm_question_reader *r,
                            enum sm_question_key key, char *value);

/* A PCR, by its number as text; "" is none. */
const char *sm_question_pcr(struct sm_question_reader *r, const char *pcr,
                            const char *value);

/* One fact of the domain config; of a field that an earlier part had, the new
 * value.  "" is none: it takes back that of an earlier part. */
void sm_question_fact(struct sm_question_reader *r, const char *field,
                      const char *value);

#endif
