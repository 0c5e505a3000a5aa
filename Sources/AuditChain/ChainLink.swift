import CCrypto

/// One link of the chain: the hash over the link before it and the entry that it seals.
package struct ChainLink: Sendable, Hashable {
    package static let hashLength = 32
    /// What the first link has before it.
    package static let origin = [UInt8](repeating: 0, count: hashLength)

    /// From 1, without a gap.
    package var sequence: Int
    /// As an entry's `at`.
    package var sealedAt: String
    package var hash: [UInt8]

    package init(sequence: Int, sealedAt: String, hash: [UInt8]) {
        self.sequence = sequence
        self.sealedAt = sealedAt
        self.hash = hash
    }

    package init(sealing entry: AuditEntry, sequence: Int, sealedAt: String, previous: [UInt8]) {
        self.init(
            sequence: sequence, sealedAt: sealedAt,
            hash: Self.hash(of: entry, sequence: sequence, sealedAt: sealedAt, previous: previous))
    }

    /// SHA-256 of the canonical JSON (RFC 8785) of `{"entry", "previous", "sealed_at", "sequence"}`, the
    /// previous hash in lower-case hexadecimal: anybody can compute it from an export.
    package static func hash(
        of entry: AuditEntry, sequence: Int, sealedAt: String, previous: [UInt8]
    ) -> [UInt8] {
        let link: AuditValue = .object([
            "entry": entry.value, "previous": .string(hexText(previous)), "sealed_at": .string(sealedAt),
            "sequence": .integer(sequence),
        ])
        let text = Array(link.canonical.utf8)
        var digest = [UInt8](repeating: 0, count: hashLength)
        _ = SHA256(text, text.count, &digest)
        return digest
    }
}

/// Lower-case hexadecimal.
package func hexText(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
