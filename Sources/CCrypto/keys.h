#pragma once
// A key made of numbers is a list of parameters that point into each other: kept on this side.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

/// The public key of these parameters, or NULL when they are none: RSA's modulus must be an odd composite and
/// its exponent an odd number above 1; a point must be on its curve.
static inline EVP_PKEY *cp_checked_public_key(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (making && parameters && EVP_PKEY_fromdata_init(making) == 1
        && EVP_PKEY_fromdata(making, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1) {
        EVP_PKEY_CTX *checking = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        if (!checking || EVP_PKEY_public_check(checking) != 1) {
            EVP_PKEY_free(key);
            key = NULL;
        }
        EVP_PKEY_CTX_free(checking);
    }
    EVP_PKEY_CTX_free(making);
    ERR_clear_error();
    return key;
}

/// Modulus and exponent are big-endian.
static inline EVP_PKEY *cp_rsa_public_key(
    const unsigned char *modulus, int modulus_length, const unsigned char *exponent, int exponent_length) {
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus, modulus_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, exponent_length, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (n && e && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
        key = cp_checked_public_key("RSA", parameters);
        OSSL_PARAM_free(parameters);
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return key;
}

/// The point is uncompressed: 4, and both coordinates in full length (SEC 1, section 2.3.3).
static inline EVP_PKEY *cp_ec_public_key(const char *curve, const unsigned char *point, size_t length) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, length),
        OSSL_PARAM_construct_end(),
    };
    return cp_checked_public_key("EC", parameters);
}
