/// SHA-256 of a bearer token: what is stored and compared in its place.
///
/// A plain hash is enough because every token holds at least 128 random bits; there is nothing to guess.
package struct TokenHash: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(of token: String) { bytes = SHA256Digest(of: token).bytes }

    /// As it was stored.
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// Takes the same time wherever the two differ.
    package func matches(_ other: TokenHash) -> Bool { bytes.equalsInConstantTime(other.bytes) }
}
