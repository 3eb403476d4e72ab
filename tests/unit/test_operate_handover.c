/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may see, settle and fence handovers: operate_handover.c as it is, with
 * a journal, a policy and a client of the test's own.
 */
#include "../../helper/secmigd/operators/lines.c"
#include "../../helper/secmigd/operators/operate_fence.c"
#include "../../helper/secmigd/operators/operate_handover.c"
#include "../../helper/secmigd/parent/parent.h"
#include "scratch.h"

struct parent parent;

/* ---- the journal, and what is done to it ---- */

static struct sm_handover_record records[24];
static struct sm_handover_now nows[24];
static size_t n_records;
static uint8_t settled_ids[24][SM_HANDOVER_ID_LEN];
static bool settled_undo[24];
static size_t n_settled;
static char fenced[80];
static bool fenced_settled;

const struct sm_handover_record *handover_at(size_t i)
{
    return i < n_records ? &records[i] : NULL;
}

void handover_now(const struct sm_handover_record *record,
                  struct sm_handover_now *now)
{
    *now = nows[record - records];
}

int handover_settle(const uint8_t id[static SM_HANDOVER_ID_LEN], bool undo,
                    const char *by, char *text, size_t size)
{
    ck_assert_str_eq(by, "alice");
    memcpy(settled_ids[n_settled], id, SM_HANDOVER_ID_LEN);
    settled_undo[n_settled++] = undo;
    snprintf(text, size, "done to %d", id[0]);
    return 0;
}

int handover_fence(const char *host, bool settled, const char *by, char *text,
                   size_t size)
{
    ck_assert_str_eq(by, "alice");
    fenced_settled = settled;
    snprintf(fenced, sizeof(fenced), "%s", host);
    snprintf(text, size, "fenced");
    return 0;
}

/* ---- the policy: what it is asked, and its answers ---- */

static struct {
    enum sm_policy_action action;
    char vm[32];
    size_t approvals;
    bool preview;
} asked[64];
static size_t n_asked;
static unsigned int allowed;        /* bits of actions */
static const char *denied_vm;       /* although the action is allowed */
static size_t approvals_wanted;

static void answer(enum sm_policy_action action, const char *vm,
                   size_t approvals, bool preview,
                   struct sm_policy_decision *out)
{
    memset(out, 0, sizeof(*out));
    asked[n_asked].action = action;
    snprintf(asked[n_asked].vm, sizeof(asked[n_asked].vm), "%s", vm);
    asked[n_asked].approvals = approvals;
    asked[n_asked++].preview = preview;
    out->allow = (allowed & 1u << action) &&
                 !(denied_vm && !strcmp(vm, denied_vm)) &&
                 (preview || approvals >= approvals_wanted);
    out->code = out->allow ? 0 : SM_REFUSED_LOCAL;
    strcpy(out->rule, "r1");
}

void operate_decide(const struct operate *o, enum sm_policy_action action,
                    const struct facts *domain, const char *host,
                    bool preview, struct sm_policy_decision *out)
{
    (void)o;
    (void)host;
    ck_assert_ptr_null(domain);
    answer(action, "", 0, preview, out);
}

void operate_decide_handover(const struct operate *o,
                             enum sm_policy_action action,
                             const struct sm_handover_record *record,
                             const struct evidence *evidence, bool preview,
                             struct sm_policy_decision *out)
{
    (void)o;
    answer(action, record->name, evidence ? evidence->n_approvals : 0,
           preview, out);
}

/* ---- the client ---- */

static struct operate client;
static int said_code;               /* -1: nothing, 0: fine */
static char said[FRAME_OUTPUT_MAX];
static bool was_output;

void operate_finish(struct operate *o, int code, const char *rule,
                    const char *fmt, ...)
{
    va_list ap;

    (void)rule;
    ck_assert_ptr_eq(o, &client);
    ck_assert_int_eq(said_code, -1);
    said_code = -code;
    va_start(ap, fmt);
    vsnprintf(said, sizeof(said), fmt, ap);
    va_end(ap);
}

void operate_refuse(struct operate *o, const struct sm_policy_decision *d)
{
    operate_finish(o, d->code, d->rule, "refused");
}

bool operate_may(struct operate *o, enum sm_policy_action action,
                 const struct facts *domain, const char *host)
{
    struct sm_policy_decision d;

    operate_decide(o, action, domain, host, false, &d);
    if (!d.allow)
        operate_refuse(o, &d);
    return d.allow;
}

void operate_output(struct operate *o, const char *text, size_t len)
{
    ck_assert_ptr_eq(o, &client);
    ck_assert_int_eq(said_code, -1);
    ck_assert_uint_lt(len, sizeof(said));
    said_code = 0;
    was_output = true;
    memcpy(said, text, len);
    said[len] = '\0';
}

static void fresh(uid_t uid, const char *vm, const char *host,
                  uint32_t flags)
{
    memset(&client, 0, sizeof(client));
    client.uid = uid;
    strcpy(client.account, "alice");
    snprintf(client.vm, sizeof(client.vm), "%s", vm);
    snprintf(client.host, sizeof(client.host), "%s", host);
    client.flags = flags;
    strcpy(parent.conf.name, "hostA");
    said_code = -1;
    said[0] = fenced[0] = '\0';
    was_output = false;
    n_settled = n_asked = 0;
}

static void add(const char *name, const char *peer, const char *by,
                enum sm_handover_state state, uint32_t flags)
{
    struct sm_handover_record *r = &records[n_records];

    memset(r, 0, sizeof(*r));
    nows[n_records] = (struct sm_handover_now){ .daemon = true, .retry = 3 };
    memset(r->id, (int)++n_records, sizeof(r->id));
    memset(r->uuid, 0x10 + name[1], sizeof(r->uuid));
    strcpy(r->name, name);
    strcpy(r->peer, peer);
    strcpy(r->by, by);
    r->state = state;
    r->flags = flags;
    r->changed = sm_clock_real();
}

static void set_up(void)
{
    n_records = 0;
    allowed = 0;
    denied_vm = NULL;
    approvals_wanted = 0;
    add("g1", "hostB", "alice", SM_HANDOVER_RELEASED, 0);
    add("g2", "hostB", "bob", SM_HANDOVER_READY, 0);
    add("g3", "hostC", "bob", SM_HANDOVER_RELEASED, 0);
    add("g4", "hostB", "bob", SM_HANDOVER_DONE, SM_HANDOVER_ACTED |
        SM_HANDOVER_CLOSED);
    add("g5", "hostB", "alice", SM_HANDOVER_READY, 0);
}

/* ---- who sees what ---- */

START_TEST(root_and_auditors_see_all_others_their_own)
{
    fresh(0, "", "", 0);
    operate_handover_list(&client);
    ck_assert(was_output);
    ck_assert_int_eq(n_asked, 0);
    ck_assert_ptr_nonnull(strstr(said, "g1  to hostB"));
    ck_assert_ptr_nonnull(strstr(said, "g3  to hostC"));
    /* settled ones last */
    ck_assert_ptr_nonnull(strstr(said, "g5  from"));
    ck_assert(strstr(said, "g4  to") > strstr(said, "g5  from"));

    allowed = 1u << SM_POLICY_AUDIT_READ;
    fresh(1000, "", "", 0);
    operate_handover_list(&client);
    ck_assert_ptr_nonnull(strstr(said, "g3  to hostC"));

    /* an account of that name on another host is somebody else: not g5 */
    allowed = 0;
    fresh(1000, "", "", 0);
    operate_handover_list(&client);
    ck_assert_int_eq(strncmp(said, "g1  to hostB", 12), 0);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);

    n_records = 0;
    fresh(1000, "", "", 0);
    operate_handover_list(&client);
    ck_assert_str_eq(said, SM_HANDOVER_NO_NEWS "\n");
}
END_TEST

START_TEST(show_tells_nothing_of_what_may_not_be_seen)
{
    fresh(1000, "g1", "", 0);
    operate_handover_show(&client);
    ck_assert(was_output);
    ck_assert_ptr_nonnull(strstr(said, "guest        g1\n"));
    fresh(1000, "g3", "", 0);
    operate_handover_show(&client);
    ck_assert_int_eq(said_code, 25);
    ck_assert_str_eq(said, "g3: no handover of such a guest is known here");
    fresh(1000, "g9", "", 0);
    operate_handover_show(&client);
    ck_assert_str_eq(said, "g9: no handover of such a guest is known here");
    fresh(0, "g4", "", 0);
    operate_handover_show(&client);
    ck_assert_ptr_nonnull(strstr(said, "DONE, settled"));
}
END_TEST

START_TEST(status_has_a_line_for_each_open_one)
{
    char text[1000];

    operate_handover_status(text, sizeof(text), NULL);
    ck_assert_int_eq(strncmp(text, "handover: g1  to hostB", 22), 0);
    ck_assert_ptr_null(strstr(text, "g4"));
    operate_handover_status(text, sizeof(text), "alice");
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    /* only whole lines */
    operate_handover_status(text, 20, NULL);
    ck_assert_str_eq(text, "");
}
END_TEST

/* A list that is too long ends with a line that says so. */
START_TEST(a_list_that_does_not_fit_says_so)
{
    size_t i;

    lines_begin();
    for (i = 0; i < sizeof(lines.text) / 8; i++)
        lines_put("nine line");
    ck_assert_uint_lt(strlen(lines.text), sizeof(lines.text));
    ck_assert_str_eq(lines.text + strlen(lines.text) - strlen(more), more);
    ck_assert_int_eq(lines.text[strlen(lines.text) - strlen(more) - 1],
                     '\n');
}
END_TEST

/* ---- settle ---- */

START_TEST(one_settles_ones_own_and_others_with_abort)
{
    fresh(1000, "g1", "", 0);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_str_eq(said, "done to 1");
    ck_assert_uint_eq(n_settled, 1);
    ck_assert(!settled_undo[0]);

    allowed = 1u << SM_POLICY_AUDIT_READ;
    fresh(1000, "g3", "", 0);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 20);
    fresh(1000, "g4", "", 0);       /* nor is it told how that ended */
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 20);
    ck_assert_str_eq(said, "refused");
    ck_assert_uint_eq(n_settled, 0);
    allowed = 1u << SM_POLICY_ABORT;
    fresh(1000, "g3", "", 0);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_int_eq(settled_ids[0][0], 3);

    fresh(1000, "g9", "", 0);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 25);
    fresh(1000, "g4", "", 0);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_ptr_nonnull(strstr(said, "settled already: g4  to hostB  "
                                 "went to hostB"));
    fresh(1000, "g1", "", FRAME_SETTLE_ASK);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 2);
    ck_assert_uint_eq(n_settled, 0);
}
END_TEST

START_TEST(a_source_may_be_asked_to_undo_by_who_has_begun)
{
    fresh(1000, "g1", "", FRAME_SETTLE_UNDO | FRAME_SETTLE_ASK);
    operate_handover_settle(&client);
    ck_assert(was_output);
    ck_assert_ptr_nonnull(strstr(said, "hostB is asked to refuse g1"));
    ck_assert_uint_eq(n_settled, 0);
    fresh(1000, "g1", "", FRAME_SETTLE_UNDO);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_uint_eq(n_settled, 1);
    ck_assert(settled_undo[0]);
    allowed = 1u << SM_POLICY_ABORT;
    fresh(1000, "g4", "", FRAME_SETTLE_UNDO);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 4);
}
END_TEST

/* A copy that waits here may be the last one. */
START_TEST(to_give_a_copy_up_takes_more)
{
    allowed = 1u << SM_POLICY_AUDIT_READ | 1u << SM_POLICY_ABORT;
    fresh(1000, "g5", "", FRAME_SETTLE_UNDO);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 20);
    ck_assert_uint_eq(n_settled, 0);
    ck_assert_int_eq(asked[n_asked - 1].action, SM_POLICY_FORCE_HANDOVER);
    allowed |= 1u << SM_POLICY_FORCE_HANDOVER;
    fresh(1000, "g5", "", FRAME_SETTLE_UNDO);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_uint_eq(n_settled, 1);
    fresh(1000, "g5", "", FRAME_SETTLE_UNDO | FRAME_SETTLE_ASK);
    operate_handover_settle(&client);
    ck_assert_ptr_nonnull(strstr(said, "destroyed for good"));
    ck_assert(asked[n_asked - 1].preview);
    ck_assert_uint_eq(n_settled, 0);
}
END_TEST

START_TEST(what_cannot_be_undone_is_not_touched)
{
    add("g6", "hostB", "alice", SM_HANDOVER_ACCEPTED, SM_HANDOVER_ACTED);
    allowed = ~0u;
    fresh(1000, "g6", "", FRAME_SETTLE_UNDO);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 4);
    ck_assert_str_eq(said, "g6: nothing can be undone: came here");
    ck_assert_uint_eq(n_settled, 0);
}
END_TEST

/* All that a name means are decided before one is touched. */
START_TEST(one_that_may_not_be_settled_stops_all)
{
    add("g1", "hostC", "bob", SM_HANDOVER_RELEASED, 0);
    allowed = 1u << SM_POLICY_AUDIT_READ;
    fresh(1000, "g1", "", 0);
    operate_handover_settle(&client);
    ck_assert_int_eq(said_code, 20);
    ck_assert_uint_eq(n_settled, 0);
    allowed |= 1u << SM_POLICY_ABORT;
    fresh(1000, "g1", "", 0);
    operate_handover_settle(&client);
    ck_assert_str_eq(said, "done to 1;done to 6");
    ck_assert_uint_eq(n_settled, 2);
}
END_TEST

/* ---- fence ---- */

START_TEST(a_fence_is_decided_for_each_guest)
{
    allowed = 1u << SM_POLICY_FORCE_HANDOVER;
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_str_eq(fenced, "hostB");
    ck_assert(fenced_settled);
    ck_assert_uint_eq(n_asked, 4);          /* all but g3 */
    ck_assert_str_eq(asked[1].vm, "g2");
    ck_assert_str_eq(asked[2].vm, "g4");

    denied_vm = "g4";                       /* settled, but decided as others */
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    ck_assert_str_eq(fenced, "");

    denied_vm = "g5";
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    ck_assert_str_eq(fenced, "");

    allowed = ~(1u << SM_POLICY_FORCE_HANDOVER);
    fresh(1000, "", "hostB", FRAME_FENCE_ASK);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    ck_assert_str_eq(said, "refused");
    fresh(1000, "", "hostZ", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    allowed = ~0u;
    fresh(1000, "", "hostZ", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 25);
}
END_TEST

START_TEST(what_a_fence_would_do_is_said_before)
{
    allowed = ~0u;
    fresh(1000, "", "hostB", FRAME_FENCE_ASK);
    operate_handover_fence(&client);
    ck_assert(was_output);
    ck_assert_int_eq(strncmp(said, "  g1 is resumed here, as it was on ",
                             35), 0);
    ck_assert_ptr_nonnull(strstr(said, "\n  the copy of g2 is started here"));
    ck_assert_ptr_null(strstr(said, "g3"));
    ck_assert_ptr_nonnull(strstr(said, "\n  g4 went to hostB ("));
    ck_assert_ptr_nonnull(strstr(said, "): it may be started here again"));
    ck_assert_str_eq(fenced, "");
}
END_TEST

/* A host that went down with guests that were its own by then. */
START_TEST(a_fence_with_nothing_open_frees_what_has_settled)
{
    allowed = 1u << SM_POLICY_FORCE_HANDOVER;
    n_records = 0;
    add("g4", "hostB", "bob", SM_HANDOVER_DONE, SM_HANDOVER_ACTED |
        SM_HANDOVER_CLOSED);
    fresh(1000, "", "hostB", FRAME_FENCE_ASK);
    operate_handover_fence(&client);
    ck_assert_int_eq(strncmp(said, "  g4 went to hostB (", 20), 0);
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_str_eq(fenced, "hostB");
    ck_assert(fenced_settled);
    ck_assert_str_eq(asked[0].vm, "g4");
    /* once */
    records[0].flags |= SM_HANDOVER_FENCED;
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 25);
    ck_assert_str_eq(fenced, "");
}
END_TEST

/* It lives, and runs what has settled: this is only for what is open. */
START_TEST(a_fence_of_a_host_that_lives_frees_nothing)
{
    static const char left[] = "what had settled before is not touched";
    int held;

    allowed = ~0u;
    for (held = 0; held < 2; held++) {
        set_up();
        n_records = 0;
        allowed = ~0u;
        add("g4", "hostB", "bob", SM_HANDOVER_DONE, SM_HANDOVER_ACTED |
            SM_HANDOVER_CLOSED);
        /* to be filed, or of another journal; there is doubt with hostC */
        add("g6", "hostB", "bob", held ? SM_HANDOVER_RELEASED :
            SM_HANDOVER_ACCEPTED, held ? 0 : SM_HANDOVER_ACTED);
        nows[1].held = held;
        add("g3", "hostC", "bob", SM_HANDOVER_RELEASED, 0);
        fresh(1000, "", "hostB", FRAME_FENCE_ASK);
        operate_handover_fence(&client);
        ck_assert_ptr_null(strstr(said, "g4"));
        ck_assert_ptr_nonnull(strstr(said, left));
        fresh(1000, "", "hostB", 0);
        operate_handover_fence(&client);
        ck_assert_str_eq(fenced, "hostB");
        ck_assert(!fenced_settled);
        ck_assert_uint_eq(n_asked, 1);
        ck_assert_str_eq(asked[0].vm, "g6");
        /* with one more in doubt the host is said to be lost, but not if it
         * comes with another journal */
        add("g8", "hostB", "bob", SM_HANDOVER_READY, 0);
        fresh(1000, "", "hostB", FRAME_FENCE_ASK);
        operate_handover_fence(&client);
        ck_assert_int_eq(!strstr(said, "g4"), held);
        ck_assert_int_eq(!strstr(said, left), !held);
    }
}
END_TEST

START_TEST(a_host_that_talks_is_not_lost)
{
    allowed = ~0u;
    nows[1].linked = true;
    fresh(0, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 4);
    ck_assert_ptr_nonnull(strstr(said, "hostB is not lost"));
    ck_assert_str_eq(fenced, "");
    /* but with another journal it cannot settle it either */
    nows[1].held = true;
    fresh(0, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_str_eq(fenced, "hostB");
}
END_TEST

START_TEST(approvals_are_for_what_was_shown_and_once)
{
    allowed = 1u << SM_POLICY_FORCE_HANDOVER;
    approvals_wanted = 1;
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    fresh(1001, "", "hostB", FRAME_FENCE_APPROVE);
    strcpy(client.account, "bob");
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_ptr_nonnull(strstr(said, "agreed that hostB is lost"));
    ck_assert_str_eq(fenced, "");

    /* one is settled by now: that it may be started was not agreed to */
    records[4].state = SM_HANDOVER_REFUSED;
    records[4].flags = SM_HANDOVER_ACTED | SM_HANDOVER_CLOSED;
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    records[4].state = SM_HANDOVER_READY;
    records[4].flags = 0;
    /* one more guest: that was not agreed to */
    add("g7", "hostB", "bob", SM_HANDOVER_READY, 0);
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
    n_records--;
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 0);
    ck_assert_str_eq(fenced, "hostB");
    ck_assert_uint_eq(asked[0].approvals, 1);
    fresh(1000, "", "hostB", 0);
    operate_handover_fence(&client);
    ck_assert_int_eq(said_code, 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("operators and handovers");
    TCase *t = tcase_create("handovers");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, root_and_auditors_see_all_others_their_own);
    tcase_add_test(t, show_tells_nothing_of_what_may_not_be_seen);
    tcase_add_test(t, status_has_a_line_for_each_open_one);
    tcase_add_test(t, a_list_that_does_not_fit_says_so);
    tcase_add_test(t, one_settles_ones_own_and_others_with_abort);
    tcase_add_test(t, a_source_may_be_asked_to_undo_by_who_has_begun);
    tcase_add_test(t, to_give_a_copy_up_takes_more);
    tcase_add_test(t, what_cannot_be_undone_is_not_touched);
    tcase_add_test(t, one_that_may_not_be_settled_stops_all);
    tcase_add_test(t, a_fence_is_decided_for_each_guest);
    tcase_add_test(t, what_a_fence_would_do_is_said_before);
    tcase_add_test(t, a_fence_with_nothing_open_frees_what_has_settled);
    tcase_add_test(t, a_fence_of_a_host_that_lives_frees_nothing);
    tcase_add_test(t, a_host_that_talks_is_not_lost);
    tcase_add_test(t, approvals_are_for_what_was_shown_and_once);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
