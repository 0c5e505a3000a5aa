import AdminProtocol
import FoundationEssentials
import TenantProtocol

/// Reads the body of `POST /cp/llm-usage-events`.
///
/// A body that is not JSON of a batch's shape is refused as a whole: nothing of it can be kept. A field of
/// one event that cannot be read is that event's fault alone.
package struct SentUsageReader {
    /// Highest place of a stream: no number of events that a tenant could send.
    package static let maximumPlace = 1_000_000_000_000_000

    private var usage = SentUsage()
    private var hasEvents = false

    package static func read(_ bytes: UnsafeBufferPointer<UInt8>) throws -> SentUsage {
        var reader = SentUsageReader()
        var scanner = JSONScanner(bytes)
        do {
            try scanner.object { scanner, name in try reader.readMember(name, &scanner) }
            try scanner.end()
        } catch let error as JSONScanner.SyntaxError {
            throw AppError(
                .invalid, "invalid_body",
                "The body is not JSON of a batch: expected \(error.expected) at byte \(error.offset).")
        }
        return try reader.checked()
    }

    private mutating func readMember(_ name: JSONText, _ scanner: inout JSONScanner) throws {
        if name.equals("events") {
            hasEvents = true
            try scanner.array { scanner in try readEvent(&scanner) }
        } else if scanner.next() == UInt8(ascii: "n"),
            name.equals("epoch") || name.equals("sequence")
                || name.equals("lost")
        {
            try scanner.skipValue()
        } else if name.equals("epoch") {
            guard let epoch = try scanner.string().read(UsageField.uuid) else {
                throw AppError.invalidField("epoch", "The field \"epoch\" is a UUID.")
            }
            usage.epoch = epoch
        } else if name.equals("sequence") {
            usage.sequence = try place(&scanner, "sequence")
        } else if name.equals("lost") {
            try scanner.array { scanner in try readLost(&scanner) }
        } else {
            throw AppError(
                .invalid, "unknown_field", "A batch has epoch, sequence, events and lost, and nothing else.")
        }
    }

    private mutating func readEvent(_ scanner: inout JSONScanner) throws {
        guard usage.events.count < UsageBatch.maximumEvents else {
            throw AppError(
                .tooLarge, "too_many_events", "A batch has at most \(UsageBatch.maximumEvents) events.",
                members: ["limit": "\(UsageBatch.maximumEvents)"])
        }
        usage.events.append(try SentEventReader.read(&scanner, offset: usage.events.count))
    }

    private mutating func readLost(_ scanner: inout JSONScanner) throws {
        var (from, to): (Int?, Int?)
        try scanner.object { scanner, name in
            if name.equals("from") {
                from = try place(&scanner, "lost")
            } else if name.equals("to") {
                to = try place(&scanner, "lost")
            } else {
                throw AppError(.invalid, "unknown_field", "A range has from and to, and nothing else.")
            }
        }
        guard let from, let to, from <= to, usage.lost.count < UsageReceipt.maximumMissing else {
            throw AppError.invalidField(
                "lost",
                "The field \"lost\" is a list of at most \(UsageReceipt.maximumMissing) ranges "
                    + "{\"from\", \"to\"}, both ends included.")
        }
        usage.lost.append(from...to)
    }

    private func place(_ scanner: inout JSONScanner, _ field: String) throws -> Int {
        guard let place = UsageField.integer(try scanner.number()), 1...Self.maximumPlace ~= place else {
            throw AppError.invalidField(
                field, "Places of a stream are whole numbers from 1 to \(Self.maximumPlace).")
        }
        return place
    }

    private func checked() throws -> SentUsage {
        guard hasEvents else {
            throw AppError(.invalid, "invalid_body", "The field \"events\" is missing.")
        }
        if usage.epoch == nil, usage.sequence != nil || !usage.lost.isEmpty {
            throw AppError.invalidField("epoch", "Places of a stream need the stream's \"epoch\".")
        }
        if usage.epoch != nil, usage.sequence == nil, !usage.events.isEmpty {
            throw AppError.invalidField(
                "sequence", "Events of a stream need the place of the first, \"sequence\".")
        }
        return usage
    }
}
