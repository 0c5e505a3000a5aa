import CCrypto
import FoundationEssentials

/// SHA-256 of a bearer token: what is stored and compared in its place.
///
/// A plain hash is enough because every token holds at least 128 random bits; there is nothing to guess.
package struct TokenHash: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(of token: String) { bytes = sha256(Array(token.utf8)) }

    /// As it was stored.
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// Takes the same time wherever the two differ.
    package func matches(_ other: TokenHash) -> Bool {
        bytes.count == other.bytes.count && CRYPTO_memcmp(bytes, other.bytes, bytes.count) == 0
    }
}

package func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    _ = SHA256(bytes, bytes.count, &digest)
    return digest
}

/// Secrets from the system's generator.
package enum RandomSecret {
    package static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    package static func hex(bytes count: Int) -> String { bytes(count).hex }

    package static func base64(bytes count: Int) -> String { Data(bytes(count)).base64EncodedString() }
}

extension [UInt8] {
    /// Lower-case hexadecimal digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
