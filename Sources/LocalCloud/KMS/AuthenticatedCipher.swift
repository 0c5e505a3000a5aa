import CCrypto

/// AES-256-GCM with a random nonce: `nonce (12) | ciphertext | tag (16)`.
struct AuthenticatedCipher: Sendable {
    static let keyLength = 32
    private static let nonceLength = 12
    private static let tagLength = 16

    let key: [UInt8]

    static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "libcrypto has no randomness")
        return bytes
    }

    func seal(_ plaintext: [UInt8], binding context: [UInt8]) -> [UInt8] {
        let nonce = Self.random(Self.nonceLength)
        var ciphertext = [UInt8](repeating: 0, count: plaintext.count)
        var tag = [UInt8](repeating: 0, count: Self.tagLength)
        let state = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(state) }
        var length: Int32 = 0
        EVP_EncryptInit_ex(state, EVP_aes_256_gcm(), nil, key, nonce)
        EVP_EncryptUpdate(state, nil, &length, context, Int32(context.count))
        EVP_EncryptUpdate(state, &ciphertext, &length, plaintext, Int32(plaintext.count))
        EVP_EncryptFinal_ex(state, nil, &length)
        EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_GCM_GET_TAG, Int32(Self.tagLength), &tag)
        return nonce + ciphertext + tag
    }

    /// nil when the bytes were not sealed with this key and context.
    func open(_ sealed: [UInt8], binding context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.nonceLength + Self.tagLength else { return nil }
        let nonce = Array(sealed.prefix(Self.nonceLength))
        var tag = Array(sealed.suffix(Self.tagLength))
        let ciphertext = Array(sealed.dropFirst(Self.nonceLength).dropLast(Self.tagLength))
        var plaintext = [UInt8](repeating: 0, count: ciphertext.count)
        let state = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(state) }
        var length: Int32 = 0
        EVP_DecryptInit_ex(state, EVP_aes_256_gcm(), nil, key, nonce)
        EVP_DecryptUpdate(state, nil, &length, context, Int32(context.count))
        EVP_DecryptUpdate(state, &plaintext, &length, ciphertext, Int32(ciphertext.count))
        EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_GCM_SET_TAG, Int32(Self.tagLength), &tag)
        return EVP_DecryptFinal_ex(state, nil, &length) == 1 ? plaintext : nil
    }
}
