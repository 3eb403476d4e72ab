/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Update keys: ECDSA on P-256 by libcrypto. */
#include "seal/update_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"

#define WHY(...) snprintf(why, why_size, __VA_ARGS__)

#define CURVE "prime256v1"
#define POINT_LEN 65        /* 4, x, y: SEC 1, 2.3.3 */
#define DER_MAX 80          /* of a signature */

/* ---- keys of libcrypto ---- */

/* The key pair, or the public half when `secret` is NULL; NULL when it is no
 * point on the curve. */
static EVP_PKEY *import(const uint8_t *secret,
                        const struct sm_update_key *key)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    uint8_t point[POINT_LEN] = { 4 };
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;
    BIGNUM *number = NULL;

    memcpy(point + 1, key->x, 32);
    memcpy(point + 33, key->y, 32);
    if (secret)
        number = BN_secure_new();
    if (!build || !ctx ||
        !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                         CURVE, 0) ||
        !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                          point, sizeof(point)))
        goto out;
    if (secret &&
        (!number || !BN_bin2bn(secret, SM_UPDATE_SECRET_LEN, number) ||
         !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number)))
        goto out;
    params = OSSL_PARAM_BLD_to_param(build);
    if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, secret ? EVP_PKEY_KEYPAIR
                                             : EVP_PKEY_PUBLIC_KEY,
                          params) != 1)
        pkey = NULL;
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(number);
    return pkey;
}

/* Whether libcrypto's key is on P-256; its point. */
static bool export_public(EVP_PKEY *pkey, struct sm_update_key *key)
{
    uint8_t point[POINT_LEN];
    char group[32];
    size_t len = 0;

    if (!EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1 ||
        strcmp(group, CURVE) ||
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
                                        sizeof(point), &len) != 1 ||
        len != sizeof(point) || point[0] != 4)
        return false;
    memcpy(key->x, point + 1, 32);
    memcpy(key->y, point + 33, 32);
    return true;
}

int sm_update_key_make(uint8_t *secret, struct sm_update_key *key)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    BIGNUM *number = NULL;
    int rc = SM_FAIL;

    if (pkey && export_public(pkey, key) &&
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
        BN_bn2binpad(number, secret, SM_UPDATE_SECRET_LEN) ==
            SM_UPDATE_SECRET_LEN)
        rc = 0;
    BN_clear_free(number);
    EVP_PKEY_free(pkey);
    return rc;
}

int sm_update_key_read(const char *path, struct sm_update_key *key,
                       char *why, size_t why_size)
{
    uint8_t *data = NULL;
    EVP_PKEY *pkey = NULL;
    BIO *bio = NULL;
    size_t len = 0;
    int rc;

    memset(key, 0, sizeof(*key));
    rc = sm_file_read(path, SM_FILE_PUBLIC, SM_APPROVAL_TEXT_MAX, &data, &len,
                      why, why_size);
    if (rc)
        return rc;
    bio = BIO_new_mem_buf(data, (int)len);
    if (bio)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (!pkey || !export_public(pkey, key)) {
        WHY("%s: no public key on P-256 in PEM", path);
        rc = SM_CONFIG;
    }
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    sm_file_free(data, len);
    return rc;
}

int sm_update_key_text(const struct sm_update_key *key,
                       char out[static SM_UPDATE_TEXT_SIZE])
{
    EVP_PKEY *pkey = import(NULL, key);
    BIO *bio = BIO_new(BIO_s_mem());
    int n, rc = SM_FAIL;

    if (pkey && bio && PEM_write_bio_PUBKEY(bio, pkey) == 1) {
        n = BIO_read(bio, out, SM_UPDATE_TEXT_SIZE - 1);
        if (n > 0 && !BIO_pending(bio)) {
            out[n] = '\0';
            rc = 0;
        }
    }
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return rc;
}

/* ---- signatures ---- */

/* r and s out of libcrypto's DER. */
static bool from_der(const uint8_t *der, size_t len,
                     uint8_t signature[static 64])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool ok;

    ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32) == 32 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32) == 32;
    ECDSA_SIG_free(sig);
    return ok;
}

static size_t to_der(const uint8_t signature[static 64],
                     uint8_t out[static DER_MAX])
{
    BIGNUM *r = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    uint8_t *at = out;
    int n = 0;

    if (r && s && sig && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;
        n = i2d_ECDSA_SIG(sig, NULL);
        n = n > 0 && n <= DER_MAX ? i2d_ECDSA_SIG(sig, &at) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return n > 0 ? (size_t)n : 0;
}

int sm_update_key_sign(const uint8_t *secret,
                       const struct sm_update_key *key, const void *data,
                       size_t len, uint8_t signature[static 64])
{
    EVP_PKEY *pkey = import(secret, key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[DER_MAX];
    size_t n = sizeof(der);
    int rc = SM_FAIL;

    if (pkey && ctx &&
        EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
        EVP_DigestSign(ctx, der, &n, data, len) == 1 &&
        from_der(der, n, signature))
        rc = 0;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return rc;
}

bool sm_update_key_verify(const struct sm_update_key *key, const void *data,
                          size_t len, const uint8_t signature[static 64])
{
    EVP_PKEY *pkey = import(NULL, key);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[DER_MAX];
    size_t n = to_der(signature, der);
    bool good;

    good = pkey && ctx && n &&
           EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
           EVP_DigestVerify(ctx, der, n, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return good;
}
