/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of endorsement keys (TCG EK Credential Profile for TPM 2.0,
 * section 3; RFC 5280), with libcrypto's X.509.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sodium.h>

#include "trust/enrolment.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define EK_USAGE "2.23.133.8.1"     /* tcg-kp-EKCertificate */

int sm_enrolment_fingerprint(
    const TPMT_PUBLIC *ek, char out[static SM_ENROLMENT_FINGERPRINT_SIZE])
{
    EVP_PKEY *key = sm_tpm_key_pkey(ek);
    uint8_t *der = NULL, digest[32];
    int len = key ? i2d_PUBKEY(key, &der) : -1;

    if (len > 0) {
        crypto_hash_sha256(digest, der, (size_t)len);
        sodium_bin2hex(out, SM_ENROLMENT_FINGERPRINT_SIZE, digest,
                       sizeof(digest));
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return len > 0 ? 0 : SM_FAIL;
}

/* Bytes in the TPM's memory may follow a certificate. */
static X509 *parse(const struct sm_enrolment_request *r)
{
    const uint8_t *at = r->certificate;

    return d2i_X509(NULL, &at, (long)r->certificate_len);
}

static bool of_key(X509 *certificate, const TPMT_PUBLIC *ek)
{
    EVP_PKEY *key = sm_tpm_key_pkey(ek);
    EVP_PKEY *certified = X509_get0_pubkey(certificate);
    bool same = key && certified && EVP_PKEY_eq(key, certified) == 1;

    EVP_PKEY_free(key);
    return same;
}

/* That it is for an EK, when it says at all what it is for. */
static bool for_ek(X509 *certificate)
{
    EXTENDED_KEY_USAGE *usages;
    char oid[64];
    bool found = false;
    int i, critical = 0;

    usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical,
                              NULL);
    if (!usages)
        return critical == -1;      /* not there; else damaged */
    for (i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usages, i), 1);
        found |= !strcmp(oid, EK_USAGE);
    }
    EXTENDED_KEY_USAGE_free(usages);
    return found;
}

static int verify(X509 *certificate, X509_STORE *store, char *why,
                  size_t why_size)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int rc = SM_FAIL, depth;

    if (!ctx || X509_STORE_CTX_init(ctx, store, certificate, NULL) != 1) {
        WHY("libcrypto failed");
        goto out;
    }
    /* What stands in the file counts, roots or not. */
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    rc = 0;
    if (X509_verify_cert(ctx) != 1) {
        depth = X509_STORE_CTX_get_error_depth(ctx);
        WHY("%s of the endorsement key: %s", depth ? "an issuer of the "
            "certificate" : "the certificate",
            X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
        rc = SM_AUTH;
    }
out:
    X509_STORE_CTX_free(ctx);
    return rc;
}

int sm_enrolment_certified(const struct sm_enrolment_request *r,
                           const char *roots, char *why, size_t why_size)
{
    X509_STORE *store = NULL;
    X509 *certificate = NULL;
    int rc = SM_AUTH;

    WHY("%s", "");
    if (!r->certificate_len) {
        WHY("the TPM has no certificate of its endorsement key: compare the "
            "key's fingerprint instead");
        return SM_AUTH;
    }
    store = X509_STORE_new();
    if (!store || X509_STORE_load_file(store, roots) != 1) {
        WHY("%s: no certificates in PEM can be read from it", roots);
        rc = store ? SM_STATE : SM_FAIL;
        goto out;
    }
    certificate = parse(r);
    if (!certificate)
        WHY("the certificate of the endorsement key is malformed");
    else if (!of_key(certificate, &r->ek))
        WHY("the certificate is of another endorsement key");
    else if (!for_ek(certificate))
        WHY("the certificate is not for an endorsement key");
    else
        rc = verify(certificate, store, why, why_size);
out:
    X509_free(certificate);
    X509_STORE_free(store);
    ERR_clear_error();
    return rc;
}
