import DurableFiles

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How far the records of one kind have come, as the disk says it: without asking who writes or sends.
package struct SpoolStatus: Encodable, Sendable, Equatable {
    package var kind: String
    /// Records that the platform has not taken.
    package var pending = 0
    /// Of these.
    package var pendingBytes = 0
    /// RFC 3339: when the oldest of each stream's happened, the earliest; nil where nothing is pending.
    package var oldest: String?
    /// Records that the platform refused for good, kept apart.
    package var refused = 0
    /// RFC 3339: the platform's last answer that moved something; nil before the first.
    package var lastSent: String?
    /// What stands in the way since the last try; nil where nothing does.
    package var lastError: String?

    package enum CodingKeys: String, CodingKey {
        case kind, pending, oldest, refused
        case pendingBytes = "pending_bytes"
        case lastSent = "last_sent_at"
        case lastError = "last_error"
    }

    /// More than a spool holds: a folder that holds more was not filled by its writer.
    static let maximumCountedBytes = 2 << 30

    package init(_ route: SpoolRoute, _ folders: SpoolFolders) throws {
        kind = route.rawValue
        let delivery = try DeliveryFolder(route, in: folders.delivery)
        lastError = try delivery.obstacle()
        guard let spool = try SpoolFolder(route, in: folders.tenant) else { return }
        var sent: Int?
        for epoch in try spool.epochs() {
            // What somebody has put in a stream's place has nothing that can be counted.
            guard let stream = try? spool.stream(epoch) else { continue }
            let progress = try delivery.progress(of: stream)
            refused += progress.refused
            sent = [sent, try delivery.movedAt(stream)].compactMap { $0 }.max()
            try? count(stream, after: progress.acknowledged, route)
        }
        if let sent { lastSent = Date(timeIntervalSince1970: Double(sent)).formatted(.iso8601) }
    }

    private mutating func count(_ stream: StreamFolder, after last: Int, _ route: SpoolRoute) throws {
        var reader = StreamReader(after: last)
        var first: SpoolRecord?
        while pendingBytes < Self.maximumCountedBytes {
            let batch = try reader.read(stream, atMost: route.maximumEvents, bytes: route.maximumEventBytes)
            if batch.isEmpty { break }
            first = first ?? batch.records.first
            pending += batch.records.count
            pendingBytes += batch.records.reduce(0) { $0 + $1.payload.count }
        }
        guard let first,
            let event = try? JSONDecoder().decode(Occurrence.self, from: Data(first.payload)), event.isTime
        else { return }
        oldest = min(oldest ?? event.occurredAt, event.occurredAt)
    }

    /// What every record says. The tenant writes all of them in UTC, so that texts have the order of times.
    private struct Occurrence: Decodable {
        var occurredAt: String

        enum CodingKeys: String, CodingKey { case occurredAt = "occurred_at" }

        /// It is printed: nothing but the characters of RFC 3339.
        var isTime: Bool {
            occurredAt.utf8.count <= 40
                && occurredAt.utf8.allSatisfy { (0x30...0x39).contains($0) || "TZ:.+-".utf8.contains($0) }
        }
    }

    /// For a person.
    package var line: String {
        var parts = ["\(kind): \(pending) unsent records, \(pendingBytes) bytes"]
        if let oldest { parts.append("the oldest of \(oldest)") }
        if refused > 0 { parts.append("\(refused) refused") }
        parts.append(lastSent.map { "last sent \($0)" } ?? "nothing sent yet")
        if let lastError { parts.append("in the way: \(lastError)") }
        return parts.joined(separator: ", ")
    }
}
