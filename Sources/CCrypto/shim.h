#pragma once
/* SHA256_Init and its kin count as deprecated, but the one-shot SHA256() of OpenSSL 3 looks its algorithm
   up by name at every call, which costs more than hashing a small request. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <string.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>
#include <openssl/err.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static inline void ccrypto_sha256(const void *bytes, size_t length, unsigned char out[32]) {
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, bytes, length);
    SHA256_Final(out, &state);
}

/* HMAC-SHA256 with the key's two blocks hashed in advance (RFC 2104, section 4). */
typedef struct {
    SHA256_CTX inner;
    SHA256_CTX outer;
} ccrypto_hmac_key;

static inline ccrypto_hmac_key ccrypto_hmac_prepare(const void *key, size_t length) {
    unsigned char block[64] = {0}, pad[64];
    ccrypto_hmac_key prepared;
    if (length > 64) ccrypto_sha256(key, length, block);
    else if (length > 0) memcpy(block, key, length);
    for (int i = 0; i < 64; i++) pad[i] = block[i] ^ 0x36;
    SHA256_Init(&prepared.inner);
    SHA256_Update(&prepared.inner, pad, 64);
    for (int i = 0; i < 64; i++) pad[i] = block[i] ^ 0x5c;
    SHA256_Init(&prepared.outer);
    SHA256_Update(&prepared.outer, pad, 64);
    OPENSSL_cleanse(block, 64);
    OPENSSL_cleanse(pad, 64);
    return prepared;
}

static inline void ccrypto_hmac(
    const ccrypto_hmac_key *key, const void *bytes, size_t length, unsigned char out[32]) {
    SHA256_CTX state = key->inner;
    SHA256_Update(&state, bytes, length);
    SHA256_Final(out, &state);
    state = key->outer;
    SHA256_Update(&state, out, 32);
    SHA256_Final(out, &state);
}
