/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealed storage on a TPM: seal/seal.h's contract, "On a TPM". */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "seal_tpm2.h"

/* Where the parameters of an object for "host-key", "hostA" stand. */
enum {
    FLAGS_AT = 8 + 2 + 2 + 2 + 8 + 2 + 5 + 8 + 4,
    VALUES_AT = FLAGS_AT + 1 + 32 + 4,
};

/* ---- the TPM ---- */

START_TEST(what_is_sealed_opens)
{
    struct sm_seal_source source = source_of(0);

    must_wrap(&source);
    must_unwrap(&source);
    ck_assert_ptr_null(memmem(object, object_len, "the secret", 10));
}
END_TEST

START_TEST(it_opens_after_a_reset_of_the_host)
{
    struct sm_seal_source source = source_of(1u << 7);

    must_wrap(&source);
    swtpm_reset(&machine);
    must_unwrap(&source);
}
END_TEST

START_TEST(another_tpm_does_not_open_it)
{
    struct sm_seal_source source = source_of(0);
    struct swtpm other;

    must_wrap(&source);
    swtpm_start(&other, "other");
    source.tpm = other.tcti;
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("sealed by another TPM, or this one was cleared");
    swtpm_kill(&other);
}
END_TEST

START_TEST(a_cleared_tpm_does_not_open_it)
{
    struct sm_seal_source source = source_of(0);

    must_wrap(&source);
    swtpm_clear(&machine);
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("sealed by another TPM, or this one was cleared");
}
END_TEST

START_TEST(many_objects_through_one_connection)
{
    struct sm_seal_source source = source_of(1u << 7);
    struct sm_seal *seal = open_from(&source);
    int i;

    for (i = 0; i < 10; i++) {
        sm_file_free(object, object_len);
        ck_assert_msg(!sm_seal_wrap(seal, "host-key", "hostA", 0, secret,
                                    sizeof(secret), &object, &object_len,
                                    why, sizeof(why)), "%s", why);
        ck_assert_msg(!unwrap_in(seal), "%s", why);
    }
    sm_seal_free(seal);
}
END_TEST

/* What opens a file or a socket from now on ends the process. */
static void no_more_files(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = 6, .filter = code };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        _exit(2);
}

/* As tpm.h and seal.h say: a sandbox can be closed after opening. */
START_TEST(once_open_it_needs_no_file)
{
    struct sm_seal_source source = source_of(1u << 7);
    struct sm_seal *seal;
    uint8_t *data;
    size_t len;
    int status;
    pid_t pid;

    scratch_write("pin", "2718281", 7, 0600);
    source.pin_file = scratch_path("pin");
    source.pin = true;
    /* In a process of its own: libraries read files once. */
    pid = fork();
    if (!pid) {
        must_wrap(&source);
        scratch_write("o", object, object_len, 0600);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    pid = fork();
    if (!pid) {
        if (sm_seal_open_backend("tpm2", &source, &seal, why, sizeof(why)) ||
            sm_file_read(scratch_path("o"), SM_FILE_PRIVATE, SM_SEAL_FILE_MAX,
                         &object, &object_len, why, sizeof(why)))
            _exit(3);
        no_more_files();
        if (sm_seal_unwrap(seal, object, object_len, "host-key", "hostA",
                           &data, &len, why, sizeof(why)))
            _exit(4);
        sm_seal_free(seal);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    pid = fork();
    if (!pid) {
        no_more_files();
        fopen("/dev/null", "r");
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}
END_TEST

/* ---- PCRs ---- */

START_TEST(a_pcr_that_moved_is_named)
{
    struct sm_seal_source source = source_of(1u << 4 | 1u << 7 | 1u << 9);

    must_wrap(&source);
    must_unwrap(&source);
    swtpm_extend(&machine, 9, "another kernel");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("PCR 9 (files that GRUB read");
    ck_assert_why(" is not as when it was sealed");
    ck_assert_ptr_null(strstr(why, "PCR 7"));
    swtpm_extend(&machine, 4, "another loader");
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("PCR 4 (");
    ck_assert_why(", PCR 9 (");
    ck_assert_why(" are not as when");
    swtpm_reset(&machine);
    must_unwrap(&source);
}
END_TEST

START_TEST(a_pcr_that_was_not_asked_for_may_move)
{
    struct sm_seal_source source = source_of(1u << 7);

    must_wrap(&source);
    swtpm_extend(&machine, 10, "a program");
    must_unwrap(&source);
}
END_TEST

START_TEST(values_can_be_given_that_are_not_yet)
{
    uint8_t soon[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
    struct sm_seal_source source = source_of(1u << 9);
    struct sm_tpm *tpm;

    swtpm_extend(&machine, 9, "next kernel");
    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, soon, why, sizeof(why)), 0);
    sm_tpm_close(tpm);
    swtpm_reset(&machine);
    source.pcr_values = (const uint8_t (*)[SM_SEAL_PCR_LEN])soon;
    must_wrap(&source);
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("PCR 9");
    swtpm_extend(&machine, 9, "next kernel");
    must_unwrap(&source);
}
END_TEST

/* The TPM refuses by itself, not only our comparison of what it reads: with
 * the values in the file changed to today's, nothing opens. */
START_TEST(the_values_in_the_file_are_not_what_counts)
{
    struct sm_seal_source source = source_of(1u << 9);
    uint8_t now[SM_SEAL_PCRS][SM_SEAL_PCR_LEN];
    struct sm_tpm *tpm;

    must_wrap(&source);
    swtpm_extend(&machine, 9, "another kernel");
    ck_assert_int_eq(sm_tpm_open(machine.tcti, 0, &tpm, why, sizeof(why)),
                     0);
    ck_assert_int_eq(sm_tpm_pcr_read(tpm, now, why, sizeof(why)), 0);
    sm_tpm_close(tpm);
    memcpy(object + VALUES_AT, now[9], SM_SEAL_PCR_LEN);
    fix();
    ck_assert_int_eq(unwrap(&source), SM_SEAL);
    ck_assert_why("its policy is not met");
}
END_TEST

START_TEST(only_24_pcrs)
{
    struct sm_seal_source source = source_of(1u << 24);
    struct sm_seal *seal;

    ck_assert_int_eq(sm_seal_open_backend("tpm2", &source, &seal, why,
                                          sizeof(why)), SM_CONFIG);
    ck_assert_ptr_null(seal);
}
END_TEST

/* ---- the file ---- */

START_TEST(it_tells_what_it_is_bound_to_without_a_tpm)
{
    struct sm_seal_source source = source_of(1u << 0 | 1u << 7);
    uint8_t zero[SM_SEAL_PCR_LEN] = { 0 };
    struct sm_seal_info info;

    swtpm_extend(&machine, 7, "Secure Boot");
    must_wrap(&source);
    swtpm_kill(&machine);
    ck_assert_int_eq(sm_seal_describe(object, object_len, &info, why,
                                      sizeof(why)), 0);
    ck_assert_str_eq(info.backend, "tpm2");
    ck_assert_str_eq(info.purpose, "host-key");
    ck_assert_uint_eq(info.pcrs, 1u << 0 | 1u << 7);
    ck_assert_mem_eq(info.pcr[0], zero, sizeof(zero));
    ck_assert_mem_ne(info.pcr[7], zero, sizeof(zero));
    ck_assert(!info.pin && !info.updatable);
    ck_assert_mem_ne(info.parent, zero, sizeof(zero));
}
END_TEST

/* Each byte of an object, with the checksum put right: nothing but "does not
 * open" may come of it, and every one counts. */
START_TEST(every_byte_counts)
{
    struct sm_seal_source source = source_of(1u << 7);
    struct sm_seal *seal;
    size_t i;

    must_wrap(&source);
    seal = open_from(&source);
    for (i = 0; i < object_len - 32; i++) {
        object[i] ^= 1;
        fix();
        ck_assert_msg(unwrap_in(seal) == SM_SEAL, "byte %zu: %s", i, why);
        object[i] ^= 1;
    }
    fix();
    ck_assert_msg(!unwrap_in(seal), "%s", why);
    sm_seal_free(seal);
}
END_TEST

START_TEST(one_tpm_object_does_not_stand_in_for_another)
{
    struct sm_seal_source source = source_of(0);
    struct sm_seal *seal = open_from(&source);
    uint8_t *next, *data;
    size_t next_len, len;

    ck_assert_int_eq(sm_seal_wrap(seal, "policy-key", "hostA", 0, secret,
                                  sizeof(secret), &object, &object_len, why,
                                  sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_wrap(seal, "host-key", "hostA", 0, secret,
                                  sizeof(secret), &next, &next_len, why,
                                  sizeof(why)), 0);
    /* The words are as long but for two bytes: swap all that follows. */
    ck_assert_uint_eq(object_len, next_len + 2);
    memcpy(object + 12 + 12, next + 12 + 10, next_len - 22);
    fix();
    ck_assert_int_eq(sm_seal_unwrap(seal, object, object_len, "policy-key",
                                    "hostA", &data, &len, why, sizeof(why)),
                     SM_SEAL);
    ck_assert_why("its header was tampered with");
    sm_file_free(next, next_len);
    sm_seal_free(seal);
}
END_TEST

START_TEST(files_work_as_with_the_other_backends)
{
    struct sm_seal_source source = source_of(1u << 7);
    struct sm_seal *seal = open_from(&source);
    uint8_t *data;
    size_t len;

    ck_assert_int_eq(sm_seal_store(seal, scratch_path("o"), "host-key",
                                   "hostA", 0, secret, sizeof(secret), why,
                                   sizeof(why)), 0);
    ck_assert_int_eq(sm_seal_load(seal, scratch_path("o"), "host-key",
                                  "hostA", &data, &len, why, sizeof(why)),
                     0);
    ck_assert_mem_eq(data, secret, sizeof(secret));
    sm_secret_free(data);
    ck_assert_int_eq(sm_seal_load(seal, scratch_path("o"), "host-key",
                                  "hostB", &data, &len, why, sizeof(why)),
                     SM_SEAL);
    sm_seal_free(seal);
}
END_TEST

static Suite *make(void)
{
    Suite *suite = suite_create("seal_tpm2");

    ADD("tpm", what_is_sealed_opens, it_opens_after_a_reset_of_the_host,
        another_tpm_does_not_open_it, a_cleared_tpm_does_not_open_it,
        many_objects_through_one_connection, once_open_it_needs_no_file);
    ADD("pcrs", a_pcr_that_moved_is_named,
        a_pcr_that_was_not_asked_for_may_move,
        values_can_be_given_that_are_not_yet,
        the_values_in_the_file_are_not_what_counts, only_24_pcrs);
    ADD("file", it_tells_what_it_is_bound_to_without_a_tpm,
        every_byte_counts, one_tpm_object_does_not_stand_in_for_another,
        files_work_as_with_the_other_backends);
    return suite;
}

int main(void)
{
    return swtpm_there() ? scratch_run(make()) : 77;
}
