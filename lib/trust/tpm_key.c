/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trust/tpm_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <tss2/tss2_mu.h>

#define P256_LEN 32
#define RSA_EK_LEN 256
#define RSA_EXPONENT 65537

/* PolicySecret(endorsement hierarchy): EK Credential Profile, B.2. */
static const uint8_t ek_policy[32] = {
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
    0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
    0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

bool sm_tpm_key_parse(const void *data, size_t len, TPMT_PUBLIC *out)
{
    size_t at = 0;

    memset(out, 0, sizeof(*out));
    if (len && len <= SM_TPM_KEY_MAX &&
        !Tss2_MU_TPMT_PUBLIC_Unmarshal(data, len, &at, out) && at == len)
        return true;
    memset(out, 0, sizeof(*out));
    return false;
}

size_t sm_tpm_key_format(const TPMT_PUBLIC *key,
                         uint8_t out[static SM_TPM_KEY_MAX])
{
    size_t at = 0;

    return Tss2_MU_TPMT_PUBLIC_Marshal(key, out, SM_TPM_KEY_MAX, &at) ?
           0 : at;
}

bool sm_tpm_key_name(const TPMT_PUBLIC *key,
                     uint8_t name[static SM_TPM_KEY_NAME_LEN])
{
    uint8_t data[SM_TPM_KEY_MAX];
    size_t len = sm_tpm_key_format(key, data);

    if (!len || key->nameAlg != TPM2_ALG_SHA256)
        return false;
    return crypto_hash_sha256(name, data, len) == 0;
}

/* ---- templates ---- */

void sm_tpm_key_ak_template(TPMT_PUBLIC *out)
{
    *out = (TPMT_PUBLIC){
        .type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
        /* noDA: its authorisation is empty, and a lockout for somebody's
         * guesses at another object is no reason not to attest. */
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
            TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
            TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
            TPMA_OBJECT_SIGN_ENCRYPT,
        .parameters.eccDetail = {
            .symmetric.algorithm = TPM2_ALG_NULL,
            .scheme = { .scheme = TPM2_ALG_ECDSA,
                        .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
            .curveID = TPM2_ECC_NIST_P256,
            .kdf.scheme = TPM2_ALG_NULL,
        },
    };
}

void sm_tpm_key_ek_template(TPM2_ALG_ID alg, TPMT_PUBLIC *out)
{
    static const TPMT_SYM_DEF_OBJECT aes = {
        .algorithm = TPM2_ALG_AES, .keyBits.aes = 128,
        .mode.aes = TPM2_ALG_CFB,
    };

    *out = (TPMT_PUBLIC){
        .type = alg, .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
            TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
            TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
        .authPolicy.size = sizeof(ek_policy),
    };
    memcpy(out->authPolicy.buffer, ek_policy, sizeof(ek_policy));
    if (alg == TPM2_ALG_RSA) {
        out->parameters.rsaDetail = (TPMS_RSA_PARMS){
            .symmetric = aes, .scheme.scheme = TPM2_ALG_NULL,
            .keyBits = RSA_EK_LEN * 8,
        };
        /* "unique" of these templates is zeroes, of the full length. */
        out->unique.rsa.size = RSA_EK_LEN;
    } else {
        out->parameters.eccDetail = (TPMS_ECC_PARMS){
            .symmetric = aes, .scheme.scheme = TPM2_ALG_NULL,
            .curveID = TPM2_ECC_NIST_P256, .kdf.scheme = TPM2_ALG_NULL,
        };
        out->unique.ecc.x.size = out->unique.ecc.y.size = P256_LEN;
    }
}

/* Whether a key is of a template, but for which key it is. */
static bool of_template(const TPMT_PUBLIC *key, const TPMT_PUBLIC *template)
{
    uint8_t a[SM_TPM_KEY_MAX], b[SM_TPM_KEY_MAX];
    TPMT_PUBLIC plain = *key;
    size_t len;

    plain.unique = template->unique;
    len = sm_tpm_key_format(&plain, a);
    return len && len == sm_tpm_key_format(template, b) && !memcmp(a, b, len);
}

const char *sm_tpm_key_ak_problem(const TPMT_PUBLIC *key)
{
    const TPMA_OBJECT may = TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
                            TPMA_OBJECT_ADMINWITHPOLICY;
    TPMA_OBJECT has = key->objectAttributes;
    TPMT_PUBLIC template, plain = *key;

    sm_tpm_key_ak_template(&template);
    if (!(has & TPMA_OBJECT_FIXEDTPM) || !(has & TPMA_OBJECT_FIXEDPARENT))
        return "it may leave its TPM";
    if (!(has & TPMA_OBJECT_SENSITIVEDATAORIGIN))
        return "it was not made by its TPM";
    if (!(has & TPMA_OBJECT_RESTRICTED))
        return "it is not restricted to what its TPM has made";
    if (!(has & TPMA_OBJECT_SIGN_ENCRYPT) || (has & TPMA_OBJECT_DECRYPT))
        return "it is not a key for signatures only";
    if ((has | may) != (template.objectAttributes | may))
        return "it has attributes that no attestation key has";
    /* How its use is authorised is its host's own matter. */
    plain.objectAttributes = template.objectAttributes;
    plain.authPolicy = template.authPolicy;
    if (!of_template(&plain, &template))
        return "it is not ECDSA P-256 with SHA-256";
    return NULL;
}

const char *sm_tpm_key_ek_problem(const TPMT_PUBLIC *key)
{
    TPMT_PUBLIC template;

    if (key->type != TPM2_ALG_RSA && key->type != TPM2_ALG_ECC)
        return "neither RSA nor ECC";
    sm_tpm_key_ek_template(key->type, &template);
    if (!of_template(key, &template))
        return "not of the TCG's template for RSA 2048 (L-1) or ECC P-256 "
               "(L-2)";
    if (key->type == TPM2_ALG_RSA &&
        key->unique.rsa.size != RSA_EK_LEN)
        return "not RSA 2048";
    return NULL;
}

/* ---- libcrypto ---- */

/* A coordinate or a number of P-256, which some TPMs write without zeroes in
 * front, in full length. */
static bool full(const TPM2B_ECC_PARAMETER *n, uint8_t out[static P256_LEN])
{
    if (!n->size || n->size > P256_LEN)
        return false;
    memset(out, 0, P256_LEN);
    memcpy(out + P256_LEN - n->size, n->buffer, n->size);
    return true;
}

static OSSL_PARAM *ecc_params(const TPMT_PUBLIC *key)
{
    uint8_t point[1 + 2 * P256_LEN] = { POINT_CONVERSION_UNCOMPRESSED };
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;

    if (bld && full(&key->unique.ecc.x, point + 1) &&
        full(&key->unique.ecc.y, point + 1 + P256_LEN) &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                        "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                         point, sizeof(point)))
        params = OSSL_PARAM_BLD_to_param(bld);
    OSSL_PARAM_BLD_free(bld);
    return params;
}

static OSSL_PARAM *rsa_params(const TPMT_PUBLIC *key)
{
    BIGNUM *n = BN_bin2bn(key->unique.rsa.buffer, key->unique.rsa.size,
                          NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;

    if (n && bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_E, RSA_EXPONENT))
        params = OSSL_PARAM_BLD_to_param(bld);
    OSSL_PARAM_BLD_free(bld);
    BN_free(n);
    return params;
}

EVP_PKEY *sm_tpm_key_pkey(const TPMT_PUBLIC *key)
{
    bool rsa = key->type == TPM2_ALG_RSA;
    OSSL_PARAM *params = rsa ? rsa_params(key) : ecc_params(key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, rsa ? "RSA" : "EC",
                                                   NULL);
    EVP_PKEY *pkey = NULL;

    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

/* As libcrypto wants it, to be freed with OPENSSL_free(); NULL: it is no
 * signature that we take, or no memory (*failed is then set). */
static uint8_t *der_of(const TPMT_SIGNATURE *s, int *len, bool *failed)
{
    const TPMS_SIGNATURE_ECC *e = &s->signature.ecdsa;
    uint8_t r[P256_LEN], v[P256_LEN], *der = NULL;
    BIGNUM *bn_r = NULL, *bn_s = NULL;
    ECDSA_SIG *sig = NULL;

    if (s->sigAlg != TPM2_ALG_ECDSA || e->hash != TPM2_ALG_SHA256 ||
        !full(&e->signatureR, r) || !full(&e->signatureS, v))
        return NULL;
    sig = ECDSA_SIG_new();
    bn_r = BN_bin2bn(r, sizeof(r), NULL);
    bn_s = BN_bin2bn(v, sizeof(v), NULL);
    if (!sig || !bn_r || !bn_s || ECDSA_SIG_set0(sig, bn_r, bn_s) != 1) {
        BN_free(bn_r);
        BN_free(bn_s);
        *failed = true;
    } else {
        *len = i2d_ECDSA_SIG(sig, &der);
        *failed = *len <= 0;
    }
    ECDSA_SIG_free(sig);
    return *failed ? NULL : der;
}

int sm_tpm_key_verify(const TPMT_PUBLIC *ak, const TPMT_SIGNATURE *signature,
                      const void *data, size_t len)
{
    EVP_PKEY *pkey = NULL;
    EVP_MD_CTX *ctx = NULL;
    bool failed = false;
    uint8_t *der;
    int rc, n = 0;

    der = der_of(signature, &n, &failed);
    if (!der)
        return failed ? -1 : 0;
    rc = 0;
    pkey = sm_tpm_key_pkey(ak);
    if (!pkey)      /* no point of the curve */
        goto out;
    rc = -1;
    ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
                                     pkey) != 1)
        goto out;
    /* Less than 0 is an error in the signature as well. */
    rc = EVP_DigestVerify(ctx, der, (size_t)n, data, len) == 1;
out:
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    OPENSSL_free(der);
    return rc;
}
