#pragma once
// OpenSSL's stack macros do not reach Swift: the two calls on signed messages that need them.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <string.h>

/// Verifies a DER signed message against exactly one PEM certificate (no chain, none from the message).
/// Returns the length of the content written to `content`, or -1: not authentic, too long, or malformed.
static inline long cp_pkcs7_verify(
    const unsigned char *der, long der_length, const char *certificate_pem,
    unsigned char *content, long content_capacity) {
    long length = -1;
    const unsigned char *cursor = der;
    PKCS7 *message = d2i_PKCS7(NULL, &cursor, der_length);
    BIO *pem = BIO_new_mem_buf(certificate_pem, -1);
    X509 *certificate = pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
    STACK_OF(X509) *trusted = sk_X509_new_null();
    BIO *out = BIO_new(BIO_s_mem());
    if (message && certificate && trusted && out && PKCS7_type_is_signed(message)
        && sk_X509_push(trusted, certificate)) {
        if (PKCS7_verify(message, trusted, NULL, NULL, out, PKCS7_NOVERIFY | PKCS7_NOINTERN | PKCS7_NOCHAIN) == 1) {
            char *bytes = NULL;
            long count = BIO_get_mem_data(out, &bytes);
            if (count >= 0 && count <= content_capacity) {
                memcpy(content, bytes, (size_t)count);
                length = count;
            }
        }
    }
    ERR_clear_error();
    BIO_free(out);
    sk_X509_free(trusted);
    X509_free(certificate);
    BIO_free(pem);
    PKCS7_free(message);
    return length;
}
