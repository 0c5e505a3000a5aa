import DurableFiles
import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How far the platform has taken a stream, as its reader keeps it beside the stream.
package struct StreamProgress: Codable, Sendable, Equatable {
    /// Every record up to this sequence has been taken, refused for good, or found to be lost.
    package var acknowledged = 0
    /// What the platform is still to be told that it will never get.
    package var lost: [SequenceRange] = []
    /// Records of this stream that the platform refused.
    package var refused = 0

    static func load(_ stream: StreamFolder) throws -> StreamProgress {
        guard let bytes = try Files.read(stream.progressPath) else { return StreamProgress() }
        let progress = try JSONDecoder().decode(StreamProgress.self, from: Data(bytes))
        guard progress.isPossible else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "\(stream.progressPath) names impossible places"))
        }
        return progress
    }

    private var isPossible: Bool {
        let places = SpoolRecord.sequences
        return (0...places.upperBound).contains(acknowledged) && (0...places.upperBound).contains(refused)
            && lost.allSatisfy { $0.from <= $0.to && places.contains($0.from) && places.contains($0.to) }
    }

    func save(_ stream: StreamFolder) throws {
        try Files.replace(stream.progressPath, with: Array(try JSONEncoder().encode(self)))
    }

    /// Names a range as lost, once.
    mutating func lose(_ range: SequenceRange) {
        guard range.from <= range.to, !lost.contains(where: { $0.from <= range.from && range.to <= $0.to })
        else { return }
        if let last = lost.last, last.to + 1 == range.from {
            lost[lost.count - 1].to = range.to
        } else {
            lost.append(range)
        }
    }
}
