import CCrypto

/// A key for HMAC-SHA256, its two blocks hashed in advance: a key that authenticates many messages is worth
/// keeping. Source: RFC 2104.
package struct HMACKey: Sendable {
    private let state: ccrypto_hmac_key

    package init(_ key: [UInt8]) {
        state = key.withUnsafeBytes { ccrypto_hmac_prepare($0.baseAddress, $0.count) }
    }

    /// - Parameter text: its UTF-8 is the key.
    package init(_ text: String) { self.init(Array(text.utf8)) }

    package func authenticate(_ message: [UInt8]) -> SHA256Digest {
        withUnsafePointer(to: state) { key in
            message.withUnsafeBytes { bytes in
                SHA256Digest(
                    bytes: [UInt8](unsafeUninitializedCapacity: SHA256Digest.length) { buffer, count in
                        ccrypto_hmac(key, bytes.baseAddress, bytes.count, buffer.baseAddress)
                        count = SHA256Digest.length
                    })
            }
        }
    }
}
