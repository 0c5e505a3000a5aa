import CCrypto
import Digests

/// AES-256-GCM by libcrypto, with a 12-byte nonce and a 16-byte tag behind the ciphertext.
package enum AESGCM {
    package static let keyLength = 32
    static let nonceLength = 12
    static let tagLength = 16

    package struct Failure: Error {}

    /// nonce | ciphertext | tag
    package static func seal(_ plaintext: [UInt8], key: [UInt8]) throws -> [UInt8] {
        let nonce = RandomSecret.bytes(nonceLength)
        let context = try start(key: key, nonce: nonce, encrypting: true)
        defer { EVP_CIPHER_CTX_free(context) }
        var sealed = [UInt8](repeating: 0, count: plaintext.count)
        var tag = [UInt8](repeating: 0, count: tagLength)
        var written: Int32 = 0
        guard EVP_EncryptUpdate(context, &sealed, &written, plaintext, Int32(plaintext.count)) == 1,
            EVP_EncryptFinal_ex(context, &tag, &written) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagLength), &tag) == 1
        else { throw Failure() }
        return nonce + sealed + tag
    }

    /// - Throws: `Failure` when the key is wrong or a byte was changed; it does not say which.
    package static func open(_ sealed: [UInt8], key: [UInt8]) throws -> [UInt8] {
        guard sealed.count >= nonceLength + tagLength else { throw Failure() }
        let nonce = Array(sealed.prefix(nonceLength))
        var tag = Array(sealed.suffix(tagLength))
        let body = Array(sealed.dropFirst(nonceLength).dropLast(tagLength))
        let context = try start(key: key, nonce: nonce, encrypting: false)
        defer { EVP_CIPHER_CTX_free(context) }
        var plaintext = [UInt8](repeating: 0, count: body.count)
        var end = [UInt8](repeating: 0, count: tagLength)
        var written: Int32 = 0
        guard EVP_DecryptUpdate(context, &plaintext, &written, body, Int32(body.count)) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tagLength), &tag) == 1,
            EVP_DecryptFinal_ex(context, &end, &written) == 1
        else { throw Failure() }
        return plaintext
    }

    private static func start(key: [UInt8], nonce: [UInt8], encrypting: Bool) throws -> OpaquePointer {
        guard key.count == keyLength, let context = EVP_CIPHER_CTX_new() else { throw Failure() }
        guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypting ? 1 : 0) == 1 else {
            EVP_CIPHER_CTX_free(context)
            throw Failure()
        }
        return context
    }
}
