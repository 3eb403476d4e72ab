/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done wrong on purpose: each must be caught by the exploration, and
 * for what it is: the accident that is nearest. */
#include <stddef.h>

#include "model.h"

/* What they are caught for, where it is the same for some. */
#define TWO "two copies run"
#define LOST "the guest is lost"
#define UNSETTLED "it is never settled"
#define AFTER "the source runs its copy after the destination has run"
#define OUTDATED "an outdated copy is started"
#define ONLY "the only copy is destroyed"
#define OTHERS "a guest in the hands of another operation is resumed"

const struct mutant_text mutants[M_COUNT] = {
    [M_NONE] = { "none", "nothing", 0, NULL },
    [M_GO_EARLY] = { "go-before-journal",
        "A says GO before RELEASED is durable", 0, TWO },
    [M_START_EARLY] = { "start-before-journal",
        "B starts the guest before ACCEPTED is durable", 0, AFTER },
    [M_REFUSED_EARLY] = { "refused-before-journal",
        "B says REFUSED without a record of it", F_UNDO, TWO },
    [M_STARTED_EARLY] = { "started-before-journal",
        "B says STARTED before ACCEPTED is durable", 0, ONLY },
    [M_ABORT_EARLY] = { "abort-before-journal",
        "A says ABORT before ABORTED is durable", 0, LOST },
    [M_RESUME_EARLY] = { "resume-before-journal",
        "A resumes the guest before ABORTED is durable", 0, OUTDATED },
    [M_TOMBSTONE] = { "forgotten-tombstone",
        "B's REFUSED does not survive its daemon", F_UNDO | F_ACTION, TWO },
    [M_REFUSE_ACCEPTED] = { "refused-after-accepted",
        "B refuses what it has accepted", F_UNDO, LOST },
    [M_TIMEOUT] = { "time-out-resume",
        "A, released, waits for a while and then resumes", 0, TWO },
    [M_HOLDER] = { "resume-while-xl-holds",
        "A does not wait for xl to let go", 0,
        "it is settled, and leaves a copy behind" },
    [M_HOLDER_B] = { "discard-while-xl-restores",
        "B does not end its xl before it discards", 0, UNSETTLED },
    [M_UNDO_RELEASED] = { "abort-after-released",
        "A, released, is told to undo it and does so alone", F_UNDO, AFTER },
    [M_XL_RESUMES] = { "xl-resumes-itself",
        "A's xl unpauses and resumes the guest after it has handed it over", 0,
        AFTER },
    [M_ACCEPTED_FORGOTTEN] = { "accepted-forgotten",
        "B drops ACCEPTED before A has settled", F_FORGET, AFTER },
    [M_BOOT] = { "stale-boot",
        "a host does not notice that it was booted anew", 0, LOST },
    [M_NO_MARK] = { "no-mark",
        "what was done to the domain is done again when it looks so",
        F_OTHER, OTHERS },
    [M_IMPATIENT] = { "impatient-copy",
        "B refuses a READY copy when the link is lost", 0, LOST },
    [M_UNTOLD] = { "abort-untold",
        "A closes its ABORTED record before B has refused", 0, UNSETTLED },
    [M_WRITE_BLIND] = { "write-believed",
        "a write that has failed is taken for durable", F_WRITE | F_UNDO,
        LOST },
    [M_GO_IS_ENOUGH] = { "go-is-enough",
        "A destroys its copy once it has said GO", 0, ONLY },
    [M_EPOCH] = { "epoch-ignored",
        "A hears a host whose journal was replaced", F_UNDO | F_RESET,
        AFTER },
    [M_FENCE_A] = { "fence-of-a-destination-that-ran-it",
        "a fence of B does not assert that it has not run the guest",
        F_LOSS, AFTER },
    [M_FENCE_B] = { "fence-of-a-source-that-ran-it",
        "a fence of A does not assert that it has not run the guest",
        F_LOSS, OUTDATED },
    [M_CLOSED_SILENT] = { "closed-is-silent",
        "closed records do not answer", 0, UNSETTLED },
    [M_ORPHAN] = { "orphaned-secmig-xl",
        "secmig-xl outlives its daemon, and acts later", F_OTHER, OTHERS },
    [M_COMPLETE_EARLY] = { "ready-while-xl-lives",
        "B is READY before its xl has ended, which then destroys the copy",
        0, LOST },
    [M_STALE_LOOK] = { "stale-look",
        "a look at Xen is relied upon after the owner has made the guest "
        "anew", F_RECREATE, OUTDATED },
    [M_NUMBER] = { "uuid-alone",
        "a domain is known by its uuid, whatever its number", F_RECREATE |
        F_OTHER, OTHERS },
    [M_DESTROY_RUNS] = { "destroy-what-runs",
        "A's secmig-xl destroys whatever domain has the uuid", F_RECREATE,
        "what runs is destroyed" },
    [M_SECOND_EARLY] = { "second-before-mark",
        "another migration of the guest begins before the first is marked",
        F_OTHER, OTHERS },
    [M_OTHER_ID] = { "id-ignored",
        "A takes REFUSED of an earlier migration for one of this", 0, TWO },
    [M_REBOOT_ABORTS] = { "abort-after-reboot",
        "A, booted anew when all was sent, says ABORT", 0, LOST },
    [M_NAMED_FIRST] = { "named-first",
        "B gives the copy its name before it runs", F_ACTION, ONLY },
    [M_UNNAMED] = { "name-given-up",
        "a name that is taken is tried once", F_NAME,
        "it is settled, and the guest never gets its name" },
    [M_READY_EARLY] = { "ready-before-journal",
        "B says READY before READY is durable", 0, LOST },
    [M_BESIDE_COPY] = { "resume-beside-a-copy",
        "what A's lost journal has left suspended is resumed by hand while B "
        "has a copy that waits", F_RESET, TWO },
    [M_UNKNOWN] = { "unknown-unwritten",
        "B, asked about what it does not know, says REFUSED without a "
        "record", F_REQUEST, UNSETTLED },
    [M_NOT_HELD] = { "not-held",
        "A does not hold the guest that it has handed over", F_FOREIGN,
        AFTER },
    [M_HOLD_LEFT] = { "hold-left-on",
        "A, aborted, does not take off the hold of what has run before",
        F_FOREIGN, "it is settled, and the guest is still held" },
};
