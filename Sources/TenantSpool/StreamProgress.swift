import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How far the platform has taken a stream, as its sender keeps it.
package struct StreamProgress: Codable, Sendable, Equatable {
    /// Every record up to this sequence has been taken, refused for good, or found to be lost.
    package var acknowledged = 0
    /// What the platform is still to be told that it will never get.
    package var lost: [SequenceRange] = []
    /// Records of this stream that the platform refused.
    package var refused = 0

    static let maximumBytes = 1 << 20

    /// nil where the numbers are none of a stream's.
    init?(json: [UInt8]) {
        guard let read = try? JSONDecoder().decode(StreamProgress.self, from: Data(json)), read.isPossible
        else { return nil }
        self = read
    }

    init(acknowledged: Int = 0, lost: [SequenceRange] = [], refused: Int = 0) {
        self.acknowledged = acknowledged
        self.lost = lost
        self.refused = refused
    }

    private var isPossible: Bool {
        let sequences = SpoolRecord.sequences
        let counts = 0...sequences.upperBound
        return counts.contains(acknowledged) && counts.contains(refused)
            && lost.allSatisfy {
                $0.from <= $0.to && sequences.contains($0.from) && sequences.contains($0.to)
            }
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
