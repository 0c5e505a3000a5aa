import AdminProtocol
import Digests
import FoundationEssentials
import Providers
import WireText

/// Envelope encryption of secrets at rest.
///
/// KMS mode: `0x02 | uint16 BE length | encrypted data key | nonce(12) | ciphertext+tag`, one data key a
/// blob.
/// Static mode: `0x01 | nonce(12) | ciphertext+tag`. Writing follows the configuration; reading accepts
/// either for as long as its key is configured, so that a deployment can move from one to the other, and
/// from one local key to the next.
package struct SecretBox: Sendable {
    private static let staticFormat: UInt8 = 1
    private static let kmsFormat: UInt8 = 2

    package let kmsKeyARN: String?
    package let localKey: [UInt8]?
    /// Local keys that sealed before this one: for reading.
    package var previousLocalKeys: [[UInt8]] = []
    package let kms: KMSClient

    package init(kmsKeyARN: String?, localKey: [UInt8]?, previousLocalKeys: [[UInt8]] = [], kms: KMSClient) {
        self.kmsKeyARN = kmsKeyARN
        self.localKey = localKey
        self.previousLocalKeys = previousLocalKeys
        self.kms = kms
    }

    /// What was sealed, and under which key: a key ARN of KMS, or `local:` and a key's fingerprint.
    package struct Opened: Sendable {
        var plaintext: [UInt8]
        var keyID: String

        package init(plaintext: [UInt8], keyID: String) {
            self.plaintext = plaintext
            self.keyID = keyID
        }
    }

    package func seal(_ plaintext: [UInt8]) async throws -> [UInt8] {
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

    package func open(_ sealed: [UInt8]) async throws -> [UInt8] { try await opened(sealed).plaintext }

    package func opened(_ sealed: [UInt8]) async throws -> Opened {
        switch sealed.first {
        case Self.staticFormat: try openStatic(Array(sealed.dropFirst()))
        case Self.kmsFormat: try await openKMS(Array(sealed.dropFirst()))
        default: throw Self.unreadable("it has an unknown format")
        }
    }

    package func seal(_ value: some Encodable) async throws -> [UInt8] {
        try await seal(Array(JSONEncoder.wire.encode(value)))
    }

    package func open<Value: Decodable>(_: Value.Type, _ sealed: [UInt8]) async throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(try await open(sealed)))
    }

    /// The key under which `seal` writes. An alias of KMS is answered by the key that it stands for.
    func currentKeyID() async throws -> String {
        if let kmsKeyARN { return try await kms.generateDataKey(keyID: kmsKeyARN).keyID }
        guard let localKey else { throw Self.unreadable("no key is configured") }
        return Self.name(of: localKey)
    }

    private func openStatic(_ body: [UInt8]) throws -> Opened {
        let keys = (localKey.map { [$0] } ?? []) + previousLocalKeys
        guard !keys.isEmpty else {
            throw Self.unreadable("it was sealed with SECRETS_ENCRYPTION_KEY, which is not configured")
        }
        for key in keys {
            guard let plaintext = try? AESGCM.open(body, key: key) else { continue }
            return Opened(plaintext: plaintext, keyID: Self.name(of: key))
        }
        throw Self.unreadable(
            "neither SECRETS_ENCRYPTION_KEY nor SECRETS_ENCRYPTION_KEYS_PREVIOUS opens it")
    }

    private func openKMS(_ bytes: [UInt8]) async throws -> Opened {
        guard bytes.count > 2 else { throw Self.unreadable("it is cut short") }
        let length = Int(bytes[0]) << 8 | Int(bytes[1])
        guard bytes.count > 2 + length else { throw Self.unreadable("it is cut short") }
        let key = try await kms.decrypt(ciphertext: Array(bytes[2..<(2 + length)]))
        let plaintext = try AESGCM.open(Array(bytes[(2 + length)...]), key: key.plaintext)
        return Opened(plaintext: plaintext, keyID: key.keyID)
    }

    /// Tells keys apart and gives none away: 16 hexadecimal digits of its SHA-256.
    private static func name(of key: [UInt8]) -> String {
        "local:" + SHA256Digest(of: key).bytes.prefix(8).hex
    }

    private static func unreadable(_ reason: String) -> AppError {
        AppError(.internalError, "secret_unreadable", "A stored secret cannot be read: \(reason).")
    }
}
