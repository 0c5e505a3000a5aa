import FoundationEssentials

/// Envelope encryption of secrets at rest.
///
/// KMS mode: `0x02 | uint16 BE length | encrypted data key | nonce(12) | ciphertext+tag`, one data key a
/// blob.
/// Static mode: `0x01 | nonce(12) | ciphertext+tag`. Writing follows the configuration; reading accepts
/// either for as long as its key is configured, so that a deployment can move from one to the other.
struct SecretBox: Sendable {
    private static let staticFormat: UInt8 = 1
    private static let kmsFormat: UInt8 = 2

    let kmsKeyARN: String?
    let localKey: [UInt8]?
    let kms: KMSClient

    func seal(_ plaintext: [UInt8]) async throws -> [UInt8] {
        if let kmsKeyARN { return try await sealUnderKMS(plaintext, keyARN: kmsKeyARN) }
        guard let localKey else { throw Self.unreadable("no key is configured") }
        return [Self.staticFormat] + (try AESGCM.seal(plaintext, key: localKey))
    }

    private func sealUnderKMS(_ plaintext: [UInt8], keyARN: String) async throws -> [UInt8] {
        let dataKey = try await kms.generateDataKey(keyID: keyARN)
        let wrapped = dataKey.ciphertext
        let length = [UInt8(wrapped.count >> 8), UInt8(wrapped.count & 0xff)]
        return [Self.kmsFormat] + length + wrapped + (try AESGCM.seal(plaintext, key: dataKey.plaintext))
    }

    func open(_ sealed: [UInt8]) async throws -> [UInt8] {
        switch sealed.first {
        case Self.staticFormat: try openStatic(sealed.dropFirst())
        case Self.kmsFormat: try await openKMS(sealed.dropFirst())
        default: throw Self.unreadable("it has an unknown format")
        }
    }

    func seal(_ value: some Encodable) async throws -> [UInt8] {
        try await seal(Array(JSONEncoder.wire.encode(value)))
    }

    func open<Value: Decodable>(_: Value.Type, _ sealed: [UInt8]) async throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(try await open(sealed)))
    }

    private func openStatic(_ body: ArraySlice<UInt8>) throws -> [UInt8] {
        guard let localKey else {
            throw Self.unreadable("it was sealed with SECRETS_ENCRYPTION_KEY, which is not configured")
        }
        return try AESGCM.open(Array(body), key: localKey)
    }

    private func openKMS(_ body: ArraySlice<UInt8>) async throws -> [UInt8] {
        let bytes = Array(body)
        guard bytes.count > 2 else { throw Self.unreadable("it is cut short") }
        let length = Int(bytes[0]) << 8 | Int(bytes[1])
        guard bytes.count > 2 + length else { throw Self.unreadable("it is cut short") }
        let key = try await kms.decrypt(ciphertext: Array(bytes[2..<(2 + length)]))
        return try AESGCM.open(Array(bytes[(2 + length)...]), key: key)
    }

    private static func unreadable(_ reason: String) -> AppError {
        AppError(.internalError, "secret_unreadable", "A stored secret cannot be read: \(reason).")
    }
}
