import Arithmetic
import DurableFiles
import Glibc

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

    /// Longest that is kept, in bytes.
    static let maximumErrorBytes = 500

    /// - Parameter folder: its streams; none: nothing was ever recorded
    package init(_ route: SpoolRoute, folder: String) throws {
        kind = route.rawValue
        var sent = 0
        for stream in try StreamFolder.all(in: folder) {
            let progress = try StreamProgress.load(stream)
            refused +|= progress.refused
            sent = max(sent, Self.changed(stream.progressPath))
            try count(stream, after: progress.acknowledged, route)
        }
        if sent > 0 { lastSent = Date(timeIntervalSince1970: Double(sent)).formatted(.iso8601) }
        lastError = try Files.read(Self.obstaclePath(folder)).map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func count(_ stream: StreamFolder, after last: Int, _ route: SpoolRoute) throws {
        var reader = StreamReader(stream, after: last)
        var first: SpoolRecord?
        while true {
            let batch = try reader.read(atMost: route.maximumEvents, bytes: route.maximumEventBytes)
            if batch.isEmpty { break }
            first = first ?? batch.records.first
            pending += batch.records.count
            pendingBytes += batch.records.reduce(0) { $0 + $1.payload.count }
        }
        guard let first,
            let event = try? JSONDecoder().decode(Occurrence.self, from: Data(first.payload))
        else { return }
        oldest = min(oldest ?? event.occurredAt, event.occurredAt)
    }

    /// What every record says. The tenant writes all of them in UTC, so that texts have the order of times.
    private struct Occurrence: Decodable {
        var occurredAt: String

        enum CodingKeys: String, CodingKey { case occurredAt = "occurred_at" }
    }

    // MARK: What stands in the way

    private static func obstaclePath(_ folder: String) -> String { "\(folder)/last-error" }

    /// For whoever asks later: another process than the one that sends.
    /// - Parameter text: nil: nothing stands in the way any more
    package static func noteObstacle(_ text: String?, in folder: String) throws {
        let path = obstaclePath(folder)
        guard let text else {
            if Files.exists(path) { try Files.remove(path) }
            return
        }
        try StreamFolder.create(folder)
        try Files.replace(path, with: Array(text.utf8.prefix(maximumErrorBytes)))
    }

    private static func changed(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_mtim.tv_sec) : 0
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
