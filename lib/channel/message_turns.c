/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may say what when: the table, and what it answers. */
#include "channel/message.h"

#include "handover/handover.h"

#define ROLE(r) (1u << (r))
#define SOURCE ROLE(SM_MESSAGE_SOURCE)
#define DESTINATION ROLE(SM_MESSAGE_DESTINATION)
#define BOTH (SOURCE | DESTINATION)

/*
 * A row: in this state, who may send this, and the state afterwards.  What
 * has no row is refused.
 *
 * The source may find that what it sent crossed the answer that ended the
 * conversation: hence the rows of ENDED; and the destination likewise, when
 * the source has ended one that was made to settle: those of SETTLED.  After
 * a CANCEL the destination's ACCEPT, EVIDENCE or HANDOVER may still be on
 * its way: it changes nothing here.  When both owe evidence, either may be
 * first.  A source that only has a handover to settle brings no guest, so
 * it need not prove what it runs.
 */
static const struct {
    enum sm_message_state state;
    enum sm_message_type type;
    unsigned int roles;
    enum sm_message_state after;
} permitted[] = {
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_EVIDENCE, SOURCE, SM_MESSAGE_OPEN },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_KEEPALIVE, BOTH,
      SM_MESSAGE_SOURCE_OWES },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_HANDOVER, SOURCE,
      SM_MESSAGE_SETTLING },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_CANCEL, SOURCE,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_SOURCE_OWES, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_EVIDENCE, DESTINATION,
      SM_MESSAGE_OPEN },
    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_KEEPALIVE, BOTH,
      SM_MESSAGE_DESTINATION_OWES },
    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_CANCEL, SOURCE,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_DESTINATION_OWES, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE, SOURCE,
      SM_MESSAGE_DESTINATION_OWES },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_EVIDENCE, DESTINATION,
      SM_MESSAGE_SOURCE_OWES },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_BOTH_OWE },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_BOTH_OWE, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_OPEN, SM_MESSAGE_REQUEST, SOURCE, SM_MESSAGE_ASKED },
    { SM_MESSAGE_OPEN, SM_MESSAGE_HANDOVER, SOURCE, SM_MESSAGE_SETTLING },
    { SM_MESSAGE_OPEN, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_OPEN },
    { SM_MESSAGE_OPEN, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_OPEN, SM_MESSAGE_REFUSE, DESTINATION, SM_MESSAGE_ENDED },

    { SM_MESSAGE_ASKED, SM_MESSAGE_ACCEPT, DESTINATION, SM_MESSAGE_MOVING },
    { SM_MESSAGE_ASKED, SM_MESSAGE_REFUSE, DESTINATION, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ASKED, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_ASKED },
    { SM_MESSAGE_ASKED, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },

    { SM_MESSAGE_MOVING, SM_MESSAGE_HANDOVER, BOTH, SM_MESSAGE_MOVING },
    { SM_MESSAGE_MOVING, SM_MESSAGE_DONE, DESTINATION, SM_MESSAGE_ENDED },
    { SM_MESSAGE_MOVING, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_MOVING },
    { SM_MESSAGE_MOVING, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_CANCELLED },

    { SM_MESSAGE_CANCELLED, SM_MESSAGE_ACCEPT, DESTINATION,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_EVIDENCE, DESTINATION,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_HANDOVER, DESTINATION,
      SM_MESSAGE_CANCELLED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_DONE, DESTINATION, SM_MESSAGE_ENDED },
    { SM_MESSAGE_CANCELLED, SM_MESSAGE_KEEPALIVE, BOTH,
      SM_MESSAGE_CANCELLED },

    { SM_MESSAGE_ENDED, SM_MESSAGE_KEEPALIVE, SOURCE, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ENDED, SM_MESSAGE_CANCEL, SOURCE, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ENDED, SM_MESSAGE_EVIDENCE, SOURCE, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ENDED, SM_MESSAGE_HANDOVER, SOURCE, SM_MESSAGE_ENDED },
    { SM_MESSAGE_ENDED, SM_MESSAGE_DONE, SOURCE, SM_MESSAGE_ENDED },

    /* The destination may have refused before it heard the first. */
    { SM_MESSAGE_SETTLING, SM_MESSAGE_HANDOVER, BOTH, SM_MESSAGE_SETTLING },
    { SM_MESSAGE_SETTLING, SM_MESSAGE_KEEPALIVE, BOTH, SM_MESSAGE_SETTLING },
    { SM_MESSAGE_SETTLING, SM_MESSAGE_DONE, SOURCE, SM_MESSAGE_SETTLED },
    { SM_MESSAGE_SETTLING, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_ENDED },

    { SM_MESSAGE_SETTLED, SM_MESSAGE_HANDOVER, DESTINATION,
      SM_MESSAGE_SETTLED },
    { SM_MESSAGE_SETTLED, SM_MESSAGE_KEEPALIVE, DESTINATION,
      SM_MESSAGE_SETTLED },
    { SM_MESSAGE_SETTLED, SM_MESSAGE_REFUSE, DESTINATION,
      SM_MESSAGE_SETTLED },
};

#define N_PERMITTED (sizeof(permitted) / sizeof(permitted[0]))

/* Index of the row, or N_PERMITTED. */
static size_t find_row(enum sm_message_role role,
                       enum sm_message_state state, unsigned int type)
{
    size_t i;

    if (role != SM_MESSAGE_SOURCE && role != SM_MESSAGE_DESTINATION)
        return N_PERMITTED;
    for (i = 0; i < N_PERMITTED; i++)
        if (permitted[i].state == state &&
            (unsigned int)permitted[i].type == type &&
            (permitted[i].roles & ROLE(role)))
            break;
    return i;
}

enum sm_message_state sm_message_begin(bool of_source, bool of_destination)
{
    if (of_source && of_destination)
        return SM_MESSAGE_BOTH_OWE;
    if (of_source)
        return SM_MESSAGE_SOURCE_OWES;
    return of_destination ? SM_MESSAGE_DESTINATION_OWES : SM_MESSAGE_OPEN;
}

bool sm_message_permitted(enum sm_message_role role,
                          enum sm_message_state state, unsigned int type)
{
    return find_row(role, state, type) < N_PERMITTED;
}

enum sm_message_state sm_message_after(enum sm_message_role role,
                                       enum sm_message_state state,
                                       unsigned int type)
{
    size_t i = find_row(role, state, type);

    return i < N_PERMITTED ? permitted[i].after : state;
}

/* Bits SM_HANDOVER_HEARD(fact) of what each role may say. */
bool sm_message_may_say(enum sm_message_role role, unsigned int fact)
{
    static const unsigned int facts[] = {
        [SM_MESSAGE_SOURCE] = SM_HANDOVER_HEARD(SM_HANDOVER_SAY_GO) |
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_ABORT) |
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_CANCEL) |
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_SETTLED),
        [SM_MESSAGE_DESTINATION] =
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_READY) |
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_REFUSED) |
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_STARTED) |
                              SM_HANDOVER_HEARD(SM_HANDOVER_SAY_SETTLED),
    };

    return (role == SM_MESSAGE_SOURCE || role == SM_MESSAGE_DESTINATION) &&
           fact <= SM_HANDOVER_FACT_MAX &&
           (facts[role] & SM_HANDOVER_HEARD(fact));
}
