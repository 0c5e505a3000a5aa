import WireText

/// Goes through an export line by line and says what does not fit. Each line is judged by the link before it
/// as it stands there, so that one change is found where it is, and not in everything behind it.
package struct ChainVerifier {
    /// A head that was kept elsewhere: the chain must still hold it.
    package struct Head: Sendable, Hashable {
        package var sequence: Int
        /// Lower-case hexadecimal.
        package var hash: String

        package init(sequence: Int, hash: String) {
            self.sequence = sequence
            self.hash = hash
        }
    }

    /// No transaction of the service takes this long: an entry that a sealing so much later did not find was
    /// not there.
    package static let lateSeconds = 600
    /// How long an entry may wait for its link.
    package static let unsealedSeconds = 300
    /// How many changed entries are looked at for having changed places.
    static let maximumPairs = 200

    package private(set) var findings: [ChainFinding] = []
    package private(set) var entries = 0
    package private(set) var unsealed = 0
    package private(set) var head: Head?

    private let expected: Head?
    private let now: Int
    private var wasExpectedSeen = false
    private var last: Last?
    private var misfits: [Misfit] = []
    /// Of the sealing before the last line's, in seconds.
    private var earlierSealing: Int?
    private var sealing: String?

    private struct Last {
        var sequence: Int
        /// As it stands there; nil when it is no hash.
        var hash: [UInt8]?
        /// As it should be, when it is another.
        var computed: [UInt8]?
    }

    private struct Misfit {
        var line: ChainLine
        var entry: AuditEntry
        var previous: [UInt8]
    }

    /// - Parameter now: seconds since 1970.
    package init(expecting expected: Head? = nil, now: Int) {
        self.expected = expected
        self.now = now
    }

    package mutating func check(_ line: ChainLine) {
        entries += line.entry == nil ? 0 : 1
        guard let sequence = line.sequence, let sealedAt = line.sealedAt, let hash = line.hash else {
            return checkUnsealed(line)
        }
        checkExpected(sequence, hash)
        let isJoined = join(sequence)
        note(sealing: sealedAt)
        let computed = isJoined ? checkEntry(line, sequence, sealedAt, hash) : nil
        checkAge(line)
        last = Last(sequence: sequence, hash: [UInt8](hex: hash), computed: computed)
        head = Head(sequence: sequence, hash: hash)
    }

    /// What only the whole log shows.
    package mutating func finish() {
        nameSwapped()
        for misfit in misfits {
            find(.changed, misfit.line, "is not what was sealed as link \(misfit.line.sequence ?? 0)")
        }
        misfits = []
        if let expected, !wasExpectedSeen {
            findings.append(
                ChainFinding(
                    kind: .headChanged, sequence: expected.sequence,
                    text: "The log ends before link \(expected.sequence), which it once had."))
        }
        findings.sort { ($0.sequence ?? .max, $0.entryID ?? 0) < ($1.sequence ?? .max, $1.entryID ?? 0) }
    }

    // MARK: One line

    private mutating func checkUnsealed(_ line: ChainLine) {
        unsealed += 1
        guard let entry = line.entry, let at = seconds(of: entry.at), now - at > Self.unsealedSeconds else {
            return
        }
        find(.unsealed, line, "is from \(entry.at), and no link seals it")
    }

    private mutating func checkExpected(_ sequence: Int, _ hash: String) {
        guard let expected, expected.sequence == sequence else { return }
        wasExpectedSeen = true
        guard expected.hash != hash else { return }
        findings.append(
            ChainFinding(
                kind: .headChanged, sequence: sequence,
                text: "Link \(sequence) is not the one that was kept: the log was written anew up to there."))
    }

    /// - Returns: whether the link before this one is there.
    private mutating func join(_ sequence: Int) -> Bool {
        let before = last?.sequence ?? 0
        guard sequence != before + 1 else { return true }
        let missing = before + 1
        let text =
            sequence > missing
            ? "Links \(missing) to \(sequence - 1) are missing, and with them which entries they sealed."
            : "Link \(sequence) comes behind link \(before)."
        findings.append(ChainFinding(kind: .linksRemoved, sequence: missing, text: text))
        return false
    }

    private mutating func note(sealing time: String) {
        guard time != sealing else { return }
        earlierSealing = sealing.flatMap { seconds(of: $0) }
        sealing = time
    }

    /// - Returns: the hash as it should be, when the link has another.
    private mutating func checkEntry(
        _ line: ChainLine, _ sequence: Int, _ sealedAt: String, _ hash: String
    ) -> [UInt8]? {
        guard let entry = line.entry else {
            find(.removed, line, "was sealed as link \(sequence), and is gone")
            return nil
        }
        guard let previous = last.map({ $0.hash }) ?? ChainLink.origin else { return nil }
        let computed = ChainLink.hash(of: entry, sequence: sequence, sealedAt: sealedAt, previous: previous)
        if computed.hex == hash, entry.id == line.entryID { return nil }
        if let real = last?.computed,
            ChainLink.hash(of: entry, sequence: sequence, sealedAt: sealedAt, previous: real).hex == hash
        {
            blameLinkBefore()
            return nil
        }
        misfits.append(Misfit(line: line, entry: entry, previous: previous))
        return computed
    }

    /// This entry fits behind what the link before should be: that link was changed, not its entry.
    private mutating func blameLinkBefore() {
        guard let misfit = misfits.popLast() else { return }
        find(
            .linkChanged, misfit.line, "is what was sealed, but its link \(misfit.line.sequence ?? 0) is not")
    }

    private mutating func checkAge(_ line: ChainLine) {
        guard let entry = line.entry, let earlierSealing, let at = seconds(of: entry.at),
            earlierSealing - at > Self.lateSeconds
        else { return }
        find(.insertedLate, line, "says that it is from \(entry.at), but sealings after that did not find it")
    }

    private mutating func find(_ kind: ChainFinding.Kind, _ line: ChainLine, _ what: String) {
        let name = line.entry.map { " (\($0.action) \($0.subject) by \($0.actorKind) \($0.actorName))" } ?? ""
        findings.append(
            ChainFinding(
                kind: kind, sequence: line.sequence, entryID: line.entryID,
                text: "Entry \(line.entryID)\(name) \(what)."))
    }

    // MARK: Changed places

    private mutating func nameSwapped() {
        var index = 0
        while index < misfits.count, misfits.count <= Self.maximumPairs {
            let one = misfits[index]
            let partner = misfits.indices.first { $0 > index && fits(one, misfits[$0]) }
            guard let partner else {
                index += 1
                continue
            }
            let other = misfits.remove(at: partner)
            misfits.remove(at: index)
            find(
                .reordered, one.line,
                "and entry \(other.line.entryID) stand in each other's place, at links "
                    + "\(one.line.sequence ?? 0) and \(other.line.sequence ?? 0)")
        }
    }

    /// Whether each is what was sealed in the place of the other, under its own id or the other's.
    private func fits(_ one: Misfit, _ other: Misfit) -> Bool {
        fits(one.entry, other) && fits(other.entry, one)
    }

    private func fits(_ entry: AuditEntry, _ place: Misfit) -> Bool {
        var renamed = entry
        renamed.id = place.line.entryID
        return [entry, renamed].contains { entry in
            let hash = ChainLink.hash(
                of: entry, sequence: place.line.sequence ?? 0, sealedAt: place.line.sealedAt ?? "",
                previous: place.previous)
            return hash.hex == place.line.hash
        }
    }
}
