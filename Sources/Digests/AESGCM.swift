import CCrypto

/// AES-256-GCM with a random nonce: `nonce (12) | ciphertext | tag (16)`. Source: NIST SP 800-38D.
///
/// The nonce is random, so one key seals at most 2^32 messages (section 8.3).
package enum AESGCM {
    package static let keyLength = 32
    package static let nonceLength = 12
    package static let tagLength = 16

    package struct Failure: Error {}

    /// - Parameters:
    ///   - key: `keyLength` bytes.
    ///   - context: authenticated with the plaintext and not stored; `open` needs the same.
    /// - Throws: `Failure` for a key of another length.
    package static func seal(
        _ plaintext: [UInt8], key: [UInt8], binding context: [UInt8] = []
    ) throws(Failure) -> [UInt8] {
        let nonce = RandomSecret.bytes(nonceLength)
        let cipher = try Cipher(key: key, nonce: nonce, isSealing: true)
        try cipher.bind(context)
        let ciphertext = try cipher.update(plaintext)
        var tag = [UInt8](repeating: 0, count: tagLength)
        guard cipher.finish(),
            EVP_CIPHER_CTX_ctrl(cipher.pointer, EVP_CTRL_AEAD_GET_TAG, Int32(tagLength), &tag) == 1
        else { throw Failure() }
        return nonce + ciphertext + tag
    }

    /// - Throws: `Failure` for another key, another context or a changed byte; it does not say which.
    package static func open(
        _ sealed: [UInt8], key: [UInt8], binding context: [UInt8] = []
    ) throws(Failure) -> [UInt8] {
        guard sealed.count >= nonceLength + tagLength else { throw Failure() }
        var tag = Array(sealed.suffix(tagLength))
        let cipher = try Cipher(key: key, nonce: Array(sealed.prefix(nonceLength)), isSealing: false)
        try cipher.bind(context)
        let plaintext = try cipher.update(Array(sealed.dropFirst(nonceLength).dropLast(tagLength)))
        guard EVP_CIPHER_CTX_ctrl(cipher.pointer, EVP_CTRL_AEAD_SET_TAG, Int32(tagLength), &tag) == 1,
            cipher.finish()
        else { throw Failure() }
        return plaintext
    }
}

/// One run of the cipher, freed with its owner.
private final class Cipher {
    let pointer: OpaquePointer

    init(key: [UInt8], nonce: [UInt8], isSealing: Bool) throws(AESGCM.Failure) {
        guard key.count == AESGCM.keyLength, let pointer = EVP_CIPHER_CTX_new() else {
            throw AESGCM.Failure()
        }
        self.pointer = pointer
        guard EVP_CipherInit_ex(pointer, EVP_aes_256_gcm(), nil, key, nonce, isSealing ? 1 : 0) == 1 else {
            throw AESGCM.Failure()
        }
    }

    deinit { EVP_CIPHER_CTX_free(pointer) }

    func bind(_ context: [UInt8]) throws(AESGCM.Failure) {
        var written: Int32 = 0
        guard let count = Int32(exactly: context.count),
            count == 0 || EVP_CipherUpdate(pointer, nil, &written, context, count) == 1
        else { throw AESGCM.Failure() }
    }

    func update(_ input: [UInt8]) throws(AESGCM.Failure) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: input.count)
        var written: Int32 = 0
        guard let count = Int32(exactly: input.count),
            EVP_CipherUpdate(pointer, &output, &written, input, count) == 1
        else { throw AESGCM.Failure() }
        return output
    }

    /// Whether the tag is right, when opening. GCM has no last block: nothing is written.
    func finish() -> Bool {
        var (rest, written) = ([UInt8](repeating: 0, count: AESGCM.tagLength), Int32(0))
        return EVP_CipherFinal_ex(pointer, &rest, &written) == 1
    }
}
