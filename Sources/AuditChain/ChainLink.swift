import Digests
import WireText

/// One link of the chain: the hash over the link before it and the entry that it seals.
package struct ChainLink: Sendable, Hashable {
    package static let hashLength = SHA256Digest.length
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
            "entry": entry.value, "previous": .string(previous.hex), "sealed_at": .string(sealedAt),
            "sequence": .integer(sequence),
        ])
        return SHA256Digest(of: link.canonical).bytes
    }
}
