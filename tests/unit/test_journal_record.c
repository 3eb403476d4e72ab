/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of a journal: what is damaged is told, with its place. */
#include "journal.h"

#define BLOCK SM_HANDOVER_BLOCK_LEN
#define CONTENT (BLOCK - 2)
#define FIELDS (CONTENT - 32)
/* Places in the fields of a record. */
#define AT_NUMBER 0
#define AT_BEGUN 8
#define AT_STATE 32
#define AT_FLAGS 34
#define AT_UUID 38
#define AT_NAME 54

static const uint8_t epoch[SM_HANDOVER_EPOCH_LEN] = "epoch";
static const uint8_t none[SM_HANDOVER_EPOCH_LEN];

static struct sm_handover_image image;
static uint8_t *good;               /* a copy of what the image was */

static uint8_t *block(unsigned int slot)
{
    return image.data + (slot + 1) * BLOCK;
}

/* One field's byte, which may lie behind the first sector's mark. */
static uint8_t *byte(uint8_t *b, size_t at)
{
    return b + at + (at >= 511);
}

/* The digest is put right, as if it had been written so. */
static void seal(uint8_t *b, const uint8_t *with)
{
    crypto_generichash_state state;
    uint8_t content[CONTENT];

    memcpy(content, b, 511);
    memcpy(content + 511, b + 512, 511);
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, with, SM_HANDOVER_EPOCH_LEN);
    crypto_generichash_update(&state, content, FIELDS);
    crypto_generichash_final(&state, content + FIELDS, 32);
    memcpy(b, content, 511);
    memcpy(b + 512, content + 511, 511);
}

static void add(unsigned int slot, unsigned int n,
                enum sm_handover_state state, uint64_t begun)
{
    struct sm_handover_entry e = { .number = 1 + slot, .begun = begun,
                                   .record = migration(n, state) };

    ck_assert_int_eq(sm_handover_entry_encode(&e, epoch, block(slot)), 0);
}

/* Three records that the file was made with, three that came later. */
static void setup(void)
{
    struct sm_handover_table t = { 0 };
    struct sm_handover_entry e = { 0 };
    unsigned int i;

    ck_assert_int_ge(sodium_init(), 0);
    for (i = 1; i <= 3; i++) {
        e.number = e.begun = i;
        e.record = migration(i, SM_HANDOVER_SENDING);
        ck_assert_int_eq(sm_handover_table_room(&t), 0);
        sm_handover_table_set(&t, &e);
    }
    ck_assert_int_eq(sm_handover_image_write(&t, epoch, 1, &image), 0);
    sm_handover_table_dispose(&t);
    ck_assert_uint_eq(image.header.whole, 3);
    add(3, 4, SM_HANDOVER_LOADING, 4);
    add(4, 1, SM_HANDOVER_SENT, 1);
    add(5, 4, SM_HANDOVER_READY, 4);
    good = malloc(image.len);
    ck_assert_ptr_nonnull(good);
    memcpy(good, image.data, image.len);
}

static void teardown(void)
{
    free(image.data);
    free(good);
}

static size_t whole;               /* migrations that were read */

/* Read what the image has become, and put it back as it was.  Returns how
 * many records it has, -1 when it is refused. */
static int read_image(size_t len)
{
    struct sm_handover_table t = { 0 };
    struct sm_handover_found found;
    int rc;

    why[0] = '\0';
    rc = sm_handover_image_read(image.data, len, &t, &found, why,
                                sizeof(why));
    ck_assert(rc == 0 || rc == SM_STATE);
    ck_assert(rc ? why[0] : t.n >= 3);
    whole = t.n;
    sm_handover_table_dispose(&t);
    memcpy(image.data, good, image.len);
    return rc ? -1 : (int)found.used;
}

static void refused(const char *text)
{
    ck_assert_int_eq(read_image(image.len), -1);
    ck_assert_msg(strstr(why, text) != NULL, "'%s' is not in: %s", text, why);
}

START_TEST(what_was_written_is_read)
{
    struct sm_handover_table t = { 0 };
    struct sm_handover_found found;
    struct sm_handover_record m = migration(4, SM_HANDOVER_READY);

    ck_assert_int_eq(sm_handover_image_read(image.data, image.len, &t, &found,
                                            why, sizeof(why)), 0);
    ck_assert_uint_eq(t.n, 4);
    ck_assert_uint_eq(found.used, 6);
    ck_assert(!found.torn);
    ck_assert_uint_eq(found.header.first, 1);
    ck_assert(same(&t.entries[3].record, &m));
    ck_assert_int_eq(t.entries[0].record.state, SM_HANDOVER_SENT);
    sm_handover_table_dispose(&t);
}
END_TEST

START_TEST(every_byte_that_is_changed_is_told_with_its_block)
{
    static const unsigned int slots[] = { 0, 2, 3, 5, 6, 7, 255 };
    static const uint8_t flips[] = { 0x01, 0x80, 0xff };
    unsigned int i, slot;
    char place[64];
    size_t at;

    for (at = 0; at < BLOCK; at++) {
        image.data[at] ^= flips[at % 3];
        refused("damaged at byte 0: the header");
    }
    for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        slot = slots[i];
        snprintf(place, sizeof(place), "damaged at byte %u (record %u): ",
                 (slot + 1) * BLOCK, slot + 1);
        for (at = 0; at < BLOCK; at++) {
            block(slot)[at] ^= flips[at % 3];
            /* In the block where the next record goes, but for its marks, it
             * may be one that was cut short. */
            if (slot == 6 && at % 512 != 511)
                ck_assert_int_eq(read_image(image.len), 6);
            else
                refused(place);
        }
    }
}
END_TEST

START_TEST(only_the_last_record_may_be_cut_short)
{
    size_t n, sector;

    for (n = 0; n < BLOCK; n++) {
        memset(block(5) + n, 0, BLOCK - n);
        ck_assert_int_eq(read_image(image.len), 5);
        memset(block(4) + n, 0, BLOCK - n);
        refused("damaged at byte 6144 (record 6): it comes after the end");
        memset(block(2) + n, 0, BLOCK - n);
        refused("damaged at byte 3072 (record 3): it is missing");
    }
    for (sector = 0; sector < 2; sector++) {
        memset(block(5) + sector * 512, 0, 512);
        ck_assert_int_eq(read_image(image.len), 5);
        memset(block(3) + sector * 512, 0, 512);
        refused("it comes after the end");
    }
    memset(block(3), 0, 3 * BLOCK);             /* all that came later */
    ck_assert_int_eq(read_image(image.len), 3);
    memset(block(2), 0, 4 * BLOCK);
    refused("it is missing");
}
END_TEST

START_TEST(what_is_whole_is_shown)
{
    block(1)[100] ^= 1;
    refused("(record 2)");
    ck_assert_uint_eq(whole, 3);
    block(1)[100] ^= 1;
    block(5)[100] ^= 1;
    refused("(record 2)");                      /* the first of two */
    image.data[100] ^= 1;
    refused("the header");
    ck_assert_uint_eq(whole, 0);
}
END_TEST

START_TEST(another_length_is_refused)
{
    static const size_t lens[] = { 0, 1, BLOCK - 1, BLOCK, 7 * BLOCK };
    size_t i;

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        ck_assert_int_eq(read_image(lens[i]), -1);
        ck_assert_ptr_nonnull(strstr(why, "damaged"));
    }
    ck_assert_int_eq(read_image(image.len - 1), -1);
    ck_assert_ptr_nonnull(strstr(why, "bytes instead of"));
}
END_TEST

START_TEST(another_version_is_told)
{
    image.data[9] = 2;
    seal(image.data, none);
    refused("made by another version");
    memset(image.data + 26, 0, 8);              /* no first number */
    seal(image.data, none);
    refused("made by another version");
    memset(image.data + 26, 0xff, 8);           /* one that overflows */
    seal(image.data, none);
    refused("made by another version");
    memset(image.data + 34, 1, 4);              /* more than fit */
    seal(image.data, none);
    refused("made by another version");
    *byte(image.data, 700) = 1;                 /* a field we do not know */
    seal(image.data, none);
    refused("made by another version");
    image.data[0] = 'X';
    seal(image.data, none);
    refused("damaged at byte 0: the header");
    memset(image.data, 0, BLOCK);
    refused("damaged at byte 0: the header");
    image.data[511] = 0;
    refused("damaged at byte 0: the header");
}
END_TEST

static void strange(size_t at, uint8_t value)
{
    uint8_t *b = block(5);

    *byte(b, at) = value;
    seal(b, epoch);
    refused("damaged at byte 6144 (record 6): it is of another version");
}

START_TEST(fields_that_are_not_known_are_told)
{
    strange(AT_STATE + 1, 0);
    strange(AT_STATE + 1, 6);
    strange(AT_STATE + 1, 15);
    strange(AT_STATE + 1, 20);
    strange(AT_STATE, 1);
    strange(AT_FLAGS, 1);
    strange(AT_FLAGS + 2, (SM_HANDOVER_FLAGS + 1) >> 8);
    strange(AT_NAME, 1);                        /* a longer name than fits */
    strange(AT_NAME + 2, '\n');
    strange(AT_NAME + 2, 0xff);
    strange(AT_NAME + 1, 7);                    /* and all is shifted */
    strange(FIELDS - 1, 1);                     /* behind the last field */
}
END_TEST

START_TEST(records_that_do_not_fit_together_are_told)
{
    add(5, 4, SM_HANDOVER_READY, 4);
    block(5)[AT_NUMBER + 7] = 5;
    seal(block(5), epoch);
    refused("(record 6): it has another number");
    add(5, 4, SM_HANDOVER_READY, 0);
    refused("(record 6): it has another beginning");
    add(5, 9, SM_HANDOVER_READY, 7);
    refused("(record 6): it has another beginning");
    add(5, 4, SM_HANDOVER_READY, 3);
    refused("(record 6): it has another beginning");
    add(5, 1, SM_HANDOVER_SENDING, 1);
    refused("(record 6): it contradicts the one before it");
    add(5, 1, SM_HANDOVER_LOADING, 1);
    refused("(record 6): it contradicts the one before it");
    block(5)[AT_UUID] ^= 1;
    seal(block(5), epoch);
    refused("(record 6): it contradicts the one before it");
    memcpy(block(5), block(4), BLOCK);          /* the same one again */
    refused("(record 6): it has another number");
    seal(block(5), none);                       /* of another journal */
    refused("(record 6): its check-sum is wrong");
}
END_TEST

START_TEST(a_full_file_has_no_end)
{
    unsigned int i;

    for (i = 6; i < image.header.slots; i++)
        add(i, 4, SM_HANDOVER_READY, 4);
    ck_assert_int_eq(read_image(image.len), (int)image.header.slots);
}
END_TEST

START_TEST(what_may_follow_is_a_table)
{
    static const enum sm_handover_state all[] = {
        SM_HANDOVER_SENDING, SM_HANDOVER_SENT, SM_HANDOVER_RELEASED,
        SM_HANDOVER_DONE, SM_HANDOVER_ABORTED, SM_HANDOVER_LOADING,
        SM_HANDOVER_READY, SM_HANDOVER_ACCEPTED, SM_HANDOVER_REFUSED,
    };
    static const char *const may[] = {          /* from, to */
        "xxxxx....", ".xxxx....", "..xxx....", "...x.....", "....x....",
        ".....xxxx", "......xxx", ".......x.", "........x",
    };
    struct sm_handover_record a, b;
    int i, k;

    for (i = 0; i < 9; i++)
        for (k = 0; k < 9; k++) {
            a = migration(1, all[i]);
            b = migration(1, all[k]);
            ck_assert_int_eq(sm_handover_record_follows(&a, &b),
                             may[i][k] == 'x');
            ck_assert(sm_handover_record_follows(NULL, &b));
        }
    b = migration(2, all[0]);
    ck_assert(!sm_handover_record_follows(&a, &b));
}
END_TEST

START_TEST(no_file_grows_without_bounds)
{
    struct sm_handover_table t = { 0 };
    struct sm_handover_entry e = { 0 };
    struct sm_handover_image large;
    unsigned int i;

    for (i = 0; i < 5000; i++) {
        e.number = e.begun = i + 1;
        e.record = migration(i, SM_HANDOVER_LOADING);
        ck_assert_int_eq(sm_handover_table_room(&t), 0);
        t.entries[t.n++] = e;
    }
    ck_assert_int_eq(sm_handover_image_write(&t, epoch, 1, &large),
                     SM_NO_MEMORY);
    t.n = SM_HANDOVER_OPEN_MAX;
    t.entries[5].record.name[0] = '\n';
    ck_assert_int_eq(sm_handover_image_write(&t, epoch, 1, &large), SM_STATE);
    ck_assert_ptr_null(large.data);
    sm_handover_table_dispose(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_record");
    TCase *tcase = tcase_create("bytes");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_was_written_is_read);
    tcase_add_test(tcase, every_byte_that_is_changed_is_told_with_its_block);
    tcase_add_test(tcase, only_the_last_record_may_be_cut_short);
    tcase_add_test(tcase, what_is_whole_is_shown);
    tcase_add_test(tcase, another_length_is_refused);
    tcase_add_test(tcase, another_version_is_told);
    tcase_add_test(tcase, fields_that_are_not_known_are_told);
    tcase_add_test(tcase, records_that_do_not_fit_together_are_told);
    tcase_add_test(tcase, a_full_file_has_no_end);
    tcase_add_test(tcase, what_may_follow_is_a_table);
    tcase_add_test(tcase, no_file_grows_without_bounds);
    suite_add_tcase(suite, tcase);
    return scratch_run(suite);
}
