import FoundationEssentials

/// A batch as it was sent, read and not judged yet. Its shape is right; its events may be anything.
struct SentUsage: Sendable {
    var epoch: UUID?
    /// Place of the first event in the stream.
    var sequence: Int?
    var lost: [ClosedRange<Int>] = []
    var events: [SentEvent] = []
}

/// One event as it was sent.
struct SentEvent: Sendable {
    /// From 0, in its batch.
    var offset: Int
    var id: UUID?
    var workspaceID: UUID?
    var provider: String?
    var model: String?
    var tokens = TokenCounts()
    /// Microseconds since 1970.
    var occurredAt: Int?
    /// Only where the event names one.
    var orgID: UUID?
    /// What is wrong with it, for a person; nil: every field can be read.
    var fault: String?
    /// Where it stands in the body.
    var bytes: Range<Int>
}

/// Tokens by kind; of what was sent, also negative.
struct TokenCounts: Sendable, Equatable {
    var input = 0
    /// Without those of reasoning.
    var output = 0
    /// Of the input, read from the provider's cache.
    var cached = 0
    var reasoning = 0

    var all: [Int] { [input, output, cached, reasoning] }
}
