/// One line of an export: a link with the entry that it seals.
package struct ChainLine: Sendable, Hashable, Codable {
    /// nil, as `sealedAt` and `hash`: not sealed yet.
    package var sequence: Int?
    package var sealedAt: String?
    /// Lower-case hexadecimal.
    package var hash: String?
    package var entryID: Int
    /// nil: it was removed.
    package var entry: AuditEntry?

    package enum CodingKeys: String, CodingKey {
        case sequence, hash, entry
        case sealedAt = "sealed_at"
        case entryID = "entry_id"
    }

    package init(sequence: Int?, sealedAt: String?, hash: String?, entryID: Int, entry: AuditEntry?) {
        self.sequence = sequence
        self.sealedAt = sealedAt
        self.hash = hash
        self.entryID = entryID
        self.entry = entry
    }

    /// Canonical JSON, with every member.
    package var text: String {
        AuditValue.object([
            CodingKeys.sequence.rawValue: .number(sequence), CodingKeys.sealedAt.rawValue: .text(sealedAt),
            CodingKeys.hash.rawValue: .text(hash), CodingKeys.entryID.rawValue: .integer(entryID),
            CodingKeys.entry.rawValue: entry?.value ?? .null,
        ]).canonical
    }
}
