import CCrypto

/// A libcrypto key, freed with its last user. Threads may use it at the same time, as nothing changes it.
final class KeyHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes the key over. nil: there is none.
    init?(_ pointer: OpaquePointer?) {
        guard let pointer else { return nil }
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    /// - Parameter signature: as a token has it.
    func verifies(_ signature: [UInt8], of message: [UInt8], by algorithm: SignatureAlgorithm) -> Bool {
        guard let signature = Self.forLibcrypto(signature, algorithm) else { return false }
        return withContext { context, options in
            EVP_DigestVerifyInit(context, &options, algorithm.digest, nil, pointer) == 1
                && Self.configure(options, algorithm)
                && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        }
    }

    /// - Returns: as a token has it; nil when libcrypto refuses, as for a key of another kind.
    func sign(_ message: [UInt8], by algorithm: SignatureAlgorithm) -> [UInt8]? {
        var signature: [UInt8] = []
        let isSigned = withContext { context, options in
            var length = 0
            guard EVP_DigestSignInit(context, &options, algorithm.digest, nil, pointer) == 1,
                Self.configure(options, algorithm),
                EVP_DigestSign(context, nil, &length, message, message.count) == 1
            else { return false }
            signature = [UInt8](repeating: 0, count: length)
            guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else {
                return false
            }
            signature.removeLast(signature.count - length)
            return true
        }
        return isSigned ? Self.forToken(signature, algorithm) : nil
    }

    /// - Parameter body: gets what the scheme's options are set on, which the context owns.
    private func withContext(_ body: (OpaquePointer, inout OpaquePointer?) -> Bool) -> Bool {
        // The next user of libcrypto on this thread must not find this failure in the error queue.
        defer { ERR_clear_error() }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        var options: OpaquePointer?
        return body(context, &options)
    }

    /// The salt is exactly as long as the hash (RFC 7518, section 3.5). MGF1 uses the same hash by default.
    private static func configure(_ options: OpaquePointer?, _ algorithm: SignatureAlgorithm) -> Bool {
        !algorithm.isPSS
            || EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1
    }

    private static func forLibcrypto(_ signature: [UInt8], _ algorithm: SignatureAlgorithm) -> [UInt8]? {
        guard case .curve(let curve) = algorithm.keyKind else { return signature }
        return ECDSASignature.der(of: signature, curve)
    }

    private static func forToken(_ signature: [UInt8], _ algorithm: SignatureAlgorithm) -> [UInt8]? {
        guard case .curve(let curve) = algorithm.keyKind else { return signature }
        return ECDSASignature.raw(of: signature, curve)
    }
}
