import CCrypto

extension [UInt8] {
    /// Whether both are the same, in a time that depends on the lengths alone: for comparing with a secret.
    package func equalsInConstantTime(_ other: [UInt8]) -> Bool {
        count == other.count && CRYPTO_memcmp(self, other, count) == 0
    }
}
