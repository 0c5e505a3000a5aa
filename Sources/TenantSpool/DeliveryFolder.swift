import DurableFiles
import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the sender knows of one kind of record: how far it has come with each stream, what the platform
/// refused, and what stands in its way. It lies apart from the streams, in a folder that no container sees:
/// root writes where nobody else does.
package struct DeliveryFolder: Sendable {
    private let folder: Folder
    private let refused: Folder

    /// Streams whose progress is kept at a time: as many as the platform takes of a tenant.
    static let maximumStreams = 10_000
    /// Refused records that are kept for people; later ones are only counted.
    static let maximumRefused = 1_000

    /// Made where there is none.
    /// - Parameter path: the sender's own folder; there is one below it for each kind of record
    package init(_ route: SpoolRoute, in path: String) throws {
        folder = try Folder.make(path).makeFolder(route.rawValue)
        refused = try folder.makeFolder("refused")
    }

    // MARK: Progress

    /// Beside a stream's segments, where earlier versions kept it.
    static let earlierName = "progress"

    private static func name(_ epoch: String) -> String { "\(epoch).json" }

    /// Of a stream that this folder does not know yet, an earlier version kept it with the stream.
    package func progress(of stream: StreamFolder) throws -> StreamProgress {
        if let own = try folder.read(Self.name(stream.epoch), atMost: StreamProgress.maximumBytes) {
            guard let progress = StreamProgress(json: own) else {
                throw Folder.Unsuitable(
                    path: "\(folder.path)/\(Self.name(stream.epoch))", reason: "it is no progress")
            }
            return progress
        }
        // The container writes there: what is not as it must be was never there.
        let earlier = try? stream.folder.read(Self.earlierName, atMost: StreamProgress.maximumBytes)
        return earlier.flatMap { StreamProgress(json: $0) } ?? StreamProgress()
    }

    func save(_ progress: StreamProgress, of stream: StreamFolder) throws {
        let name = Self.name(stream.epoch)
        if try folder.status(name) == nil, try folder.names().count >= Self.maximumStreams {
            throw Folder.Unsuitable(
                path: folder.path, reason: "it knows \(Self.maximumStreams) streams already")
        }
        try folder.replace(name, with: Array(try JSONEncoder().encode(progress)))
    }

    /// Seconds since 1970: when the platform's answer last moved something; nil before the first.
    func movedAt(_ stream: StreamFolder) throws -> Int? {
        try (folder.status(Self.name(stream.epoch)) ?? stream.folder.status(Self.earlierName))?.changedAt
    }

    func forget(_ epoch: String) throws { try folder.remove(Self.name(epoch)) }

    /// Forgets the streams that are not there any more.
    func forget(allBut epochs: Set<String>) throws {
        for name in try folder.names() where name.hasSuffix(".json") {
            let epoch = String(name.dropLast(5))
            if !epochs.contains(epoch) { try forget(epoch) }
        }
    }

    // MARK: What the platform refused

    /// - Returns: false when it is not kept, as too many are already
    func keepRefused(_ record: SpoolRecord, of epoch: String, answer: [UInt8]) throws -> Bool {
        guard try refused.names().count < Self.maximumRefused else { return false }
        let text = record.payload + [UInt8(ascii: "\n")] + answer + [UInt8(ascii: "\n")]
        try refused.replace("\(epoch)-\(record.sequence).txt", with: text)
        return true
    }

    // MARK: What stands in the way

    private static let obstacleName = "last-error"
    /// Longest that is kept, in bytes.
    private static let maximumObstacleBytes = 500

    /// For whoever asks later: another process than the one that sends.
    /// - Parameter text: nil: nothing stands in the way any more
    package func noteObstacle(_ text: String?) throws {
        guard let text else { return try folder.remove(Self.obstacleName) }
        try folder.replace(Self.obstacleName, with: Array(text.utf8.prefix(Self.maximumObstacleBytes)))
    }

    func obstacle() throws -> String? {
        try folder.read(Self.obstacleName, atMost: Self.maximumObstacleBytes)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}
