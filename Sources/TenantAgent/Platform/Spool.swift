import DurableFiles
import FoundationEssentials
import TenantProtocol

/// Stage reports that the platform does not have yet: JSON lines in a file, which the boot script appends
/// to as well. Numbers come from a counter that both share and that survives reboots.
struct Spool: Sendable {
    let installation: Installation
    /// The oldest go first when a platform stays away for very long.
    static let maximumEvents = 2_000
    /// What the counter's file may say; anything else was not written by us, and counting begins again.
    private static let sequences = 0...1_000_000_000_000_000

    func nextSequence() throws -> Int {
        try FileLock.withLock(installation.sequencePath + ".lock") {
            let text = String(decoding: try Files.read(installation.sequencePath) ?? [], as: UTF8.self)
            let last = Int(text.filter(\.isNumber)).flatMap { Self.sequences.contains($0) ? $0 : nil }
            let sequence = (last ?? 0) + 1
            try Files.replace(installation.sequencePath, with: Array("\(sequence)\n".utf8))
            return sequence
        }
    }

    func append(_ event: BootEvent) throws {
        let line = try encoded(event) + [UInt8(ascii: "\n")]
        try locked { try Files.append(line, to: installation.spoolPath) }
    }

    /// The oldest, at most one request's worth. A line that is no event (cut by a power loss) is left out.
    func oldest() throws -> [BootEvent] {
        Array(try locked { try events() }.prefix(BootEvent.maximumBatch))
    }

    func remove(_ sent: [BootEvent]) throws {
        let sequences = Set(sent.map(\.sequence))
        try locked {
            let rest = try events().filter { !sequences.contains($0.sequence) }.suffix(Self.maximumEvents)
            let lines = try rest.flatMap { try encoded($0) + [UInt8(ascii: "\n")] }
            try Files.replace(installation.spoolPath, with: lines)
        }
    }

    private func events() throws -> [BootEvent] {
        let lines = try Files.read(installation.spoolPath)?.split(separator: UInt8(ascii: "\n")) ?? []
        return lines.compactMap { try? JSONDecoder().decode(BootEvent.self, from: Data($0)) }
    }

    private func locked<Result>(_ body: () throws -> Result) throws -> Result {
        try FileLock.withLock(installation.spoolPath + ".lock", body)
    }
}
