/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be read on the way to the TPM, and in memory afterwards: not the
 * key that the TPM keeps, nor the PIN.  To know that key, the test opens a
 * TPM object in the clear, as its own program.
 */
#include <tss2/tss2_mu.h>

#include "seal_tpm2.h"
#include "tpm_relay.h"

#define KEY_LEN 32
#define MASK 0x5a       /* so that what is looked for is not found in here */

static struct relay relay;
static uint8_t masked_key[KEY_LEN];

static void begin(void)
{
    prepare();
    relay_start(&relay, &machine);
}

static void end(void)
{
    relay_stop(&relay);
    finish();
}

/* ---- reading along ---- */

static bool masked_in(const uint8_t *data, size_t len)
{
    size_t i, j;

    for (i = 0; i + KEY_LEN <= len; i++) {
        for (j = 0; j < KEY_LEN; j++)
            if (data[i + j] != (masked_key[j] ^ MASK))
                break;
        if (j == KEY_LEN)
            return true;
    }
    return false;
}

static bool was_sent(const void *data, size_t len)
{
    return memmem(relay.s->record, relay.s->len, data, len) != NULL;
}

/*
 * Sessions that were started so far; each must be salted, or who reads along
 * could compute its keys (part 3, 11.1: tpmKey, bind, nonceCaller,
 * encryptedSalt).
 */
static int salted_sessions(void)
{
    const uint8_t *at = relay.s->record, *end = at + relay.s->len, *nonce;
    size_t len;
    int n = 0, turn = 0;

    for (; at < end; at += len, turn++) {
        len = (size_t)at[2] << 24 | (size_t)at[3] << 16 |
              (size_t)at[4] << 8 | at[5];
        if (turn % 2 || memcmp(at + 6, "\x00\x00\x01\x76", 4))
            continue;
        ck_assert_mem_ne(at + 10, "\x40\x00\x00\x07", 4);
        nonce = at + 18;
        nonce += 2 + ((size_t)nonce[0] << 8 | nonce[1]);
        ck_assert_uint_gt((size_t)nonce[0] << 8 | nonce[1], 64);
        n++;
    }
    return n;
}

/* The TPM's two halves of `object`, out of the file. */
static void take_blobs(TPM2B_PUBLIC *public, TPM2B_PRIVATE *private)
{
    const uint8_t *bytes;
    struct sm_wire_reader r;
    char word[SM_SEAL_NAME_SIZE];
    size_t len, at;

    sm_wire_reader_init(&r, object + 12, object_len - 12);
    sm_wire_get_str(&r, word, sizeof(word));
    sm_wire_get_str(&r, word, sizeof(word));
    sm_wire_get_u64(&r);
    sm_wire_get_blob(&r, 4096, &bytes, &len);
    sm_wire_get_blob(&r, 4096, &bytes, &len);
    ck_assert_ptr_nonnull(bytes);
    sm_wire_reader_init(&r, bytes, len);
    memset(public, 0, sizeof(*public));
    memset(private, 0, sizeof(*private));
    sm_wire_get_blob(&r, 4096, &bytes, &len);
    at = 0;
    ck_assert_uint_eq(Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes, len, &at,
                                                     public), 0);
    sm_wire_get_blob(&r, 4096, &bytes, &len);
    at = 0;
    ck_assert_uint_eq(Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes, len, &at,
                                                      private), 0);
}

/* Unseal an object without PIN and PCRs, with nothing encrypted. */
static void unseal_in_the_clear(const char *tcti)
{
    TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
    uint8_t name[SM_TPM_HASH_LEN];
    TPM2B_SENSITIVE_DATA *data;
    TPM2B_PRIVATE private;
    ESYS_TR parent, handle, session;
    TPM2B_PUBLIC public;
    struct sm_tpm *tpm;
    ESYS_CONTEXT *esys;
    size_t i;

    take_blobs(&public, &private);
    ck_assert_int_eq(sm_tpm_open(tcti, 0, &tpm, why, sizeof(why)), 0);
    esys = sm_tpm_esys(tpm);
    ck_assert_int_eq(sm_tpm_storage_primary(tpm, NULL, &parent, name, why,
                                            sizeof(why)), 0);
    ck_assert_uint_eq(Esys_Load(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                ESYS_TR_NONE, &private, &public, &handle),
                      0);
    ck_assert_uint_eq(Esys_StartAuthSession(
                          esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                          ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_POLICY,
                          &none, TPM2_ALG_SHA256, &session), 0);
    ck_assert_uint_eq(Esys_PolicyAuthValue(esys, session, ESYS_TR_NONE,
                                           ESYS_TR_NONE, ESYS_TR_NONE), 0);
    ck_assert_uint_eq(Esys_Unseal(esys, handle, session, ESYS_TR_NONE,
                                  ESYS_TR_NONE, &data), 0);
    ck_assert_uint_eq(data->size, KEY_LEN);
    for (i = 0; i < KEY_LEN; i++)
        masked_key[i] = data->buffer[i] ^ MASK;
    sm_secret_wipe(data, sizeof(*data));
    Esys_Free(data);
    sm_tpm_flush(tpm, &handle);
    sm_tpm_flush(tpm, &session);
    sm_tpm_wipe(tpm);
    sm_tpm_close(tpm);
}

START_TEST(the_key_does_not_cross_the_wire)
{
    struct sm_seal_source source = source_of(0);
    uint32_t sealed, opened;

    source.tpm = relay.tcti;
    must_wrap(&source);
    sealed = relay.s->len;
    ck_assert_uint_gt(sealed, 500);
    must_unwrap(&source);
    opened = relay.s->len;
    ck_assert_uint_gt(opened, sealed + 500);
    ck_assert_int_eq(salted_sessions(), 2);
    /* That the test can see it where it is. */
    unseal_in_the_clear(relay.tcti);
    ck_assert(masked_in(relay.s->record + opened, relay.s->len - opened));
    ck_assert(!masked_in(relay.s->record, opened));
    ck_assert(!was_sent(secret, sizeof(secret)));
}
END_TEST

START_TEST(the_pin_does_not_cross_the_wire)
{
    static const char pin[] = "2718281828459045";
    struct sm_seal_source source = source_of(1u << 7);
    uint8_t value[32];

    scratch_write("pin", pin, strlen(pin), 0600);
    source.pin_file = scratch_path("pin");
    source.pin = true;
    source.tpm = relay.tcti;
    must_wrap(&source);
    must_unwrap(&source);
    scratch_write("pin", "2718281828459046", strlen(pin), 0600);
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_uint_gt(relay.s->len, 1000);
    ck_assert(!was_sent(pin, strlen(pin) - 1));
    /* What the TPM has in its place, as seal_tpm2.c makes it. */
    crypto_generichash(value, sizeof(value), (const uint8_t *)pin,
                       strlen(pin), (const uint8_t *)"xen-secmig PIN 1", 16);
    ck_assert(!was_sent(value, 31));
}
END_TEST

/* A TPM that one who sits on the bus plays: the storage key's Name is in the
 * file, so that no salt is encrypted for another key. */
START_TEST(another_storage_key_gets_no_session)
{
    struct sm_seal_source source = source_of(0);
    struct swtpm other;
    struct relay both;

    must_wrap(&source);
    swtpm_start(&other, "other");
    relay_stop(&relay);
    relay_start(&both, &other);
    source.tpm = both.tcti;
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    /* TPM2_StartAuthSession was not asked for. */
    ck_assert_ptr_null(memmem(both.s->record, both.s->len,
                              "\x00\x00\x01\x76", 4));
    relay_stop(&both);
    swtpm_kill(&other);
}
END_TEST

/* ---- memory ---- */

/* Whether the key stands in what this process can read and write. */
static bool in_memory(void)
{
    unsigned long from, to;
    bool found = false;
    char line[512], mode[8];
    FILE *maps = fopen("/proc/self/maps", "r");

    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 ||
            strncmp(mode, "rw", 2) || strstr(line, "zero (deleted)"))
            continue;
        if (masked_in((const uint8_t *)from, to - from)) {
            printf("# found in %s", line);
            found = true;
        }
    }
    fclose(maps);
    return found;
}

START_TEST(nothing_of_it_stays_in_memory)
{
    struct sm_seal_source source = source_of(0);
    volatile uint8_t here[KEY_LEN];
    uint8_t *shared;
    size_t i;
    pid_t pid;

    shared = mmap(NULL, KEY_LEN, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(shared != MAP_FAILED);
    must_wrap(&source);
    pid = fork();
    if (!pid) {
        unseal_in_the_clear(machine.tcti);
        memcpy(shared, masked_key, KEY_LEN);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    memcpy(masked_key, shared, KEY_LEN);
    ck_assert_msg(!in_memory(), "after sealing");
    must_unwrap(&source);
    ck_assert_msg(!in_memory(), "after opening");
    /* That the test can see it where it is. */
    for (i = 0; i < KEY_LEN; i++)
        here[i] = masked_key[i] ^ MASK;
    ck_assert(in_memory());
    sm_secret_wipe((void *)(uintptr_t)here, sizeof(here));
}
END_TEST

START_TEST(nothing_of_the_pin_stays_in_memory)
{
    static const char pin[KEY_LEN + 1] = "27182818284590452353602874713526";
    struct sm_seal_source source = source_of(0);
    size_t i;

    scratch_write("pin", pin, KEY_LEN, 0600);
    source.pin_file = scratch_path("pin");
    source.pin = true;
    must_wrap(&source);
    must_unwrap(&source);
    for (i = 0; i < KEY_LEN; i++)
        masked_key[i] = (uint8_t)pin[i] ^ MASK;
    ck_assert(!in_memory());
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("seal_tpm2_wire");
    TCase *tc = tcase_create("wire");

    tcase_add_checked_fixture(tc, begin, end);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_key_does_not_cross_the_wire);
    tcase_add_test(tc, the_pin_does_not_cross_the_wire);
    tcase_add_test(tc, another_storage_key_gets_no_session);
    if (SCRATCH_NO_MLOCK) {
        printf("skip - nothing_..._stays_in_memory: the sanitizer keeps "
               "freed memory\n");
    } else {
        tcase_add_test(tc, nothing_of_it_stays_in_memory);
        tcase_add_test(tc, nothing_of_the_pin_stays_in_memory);
    }
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
