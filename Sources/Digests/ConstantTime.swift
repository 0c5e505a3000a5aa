import CCrypto

extension [UInt8] {
    /// Whether both are the same, in a time that depends on the lengths alone: for comparing with a secret.
    package func equalsInConstantTime(_ other: [UInt8]) -> Bool {
        count == other.count && CRYPTO_memcmp(self, other, count) == 0
    }
}

extension StringProtocol {
    /// Whether the UTF-8 of both is the same, in a time that depends on the lengths alone.
    package func equalsInConstantTime(_ other: some StringProtocol) -> Bool {
        Array(utf8).equalsInConstantTime(Array(other.utf8))
    }
}
