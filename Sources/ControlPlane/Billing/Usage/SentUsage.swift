import FoundationEssentials

/// A batch as it was sent, read and not judged yet. Its shape is right; its events may be anything.
package struct SentUsage: Sendable {
    package var epoch: UUID?
    /// Place of the first event in the stream.
    package var sequence: Int?
    package var lost: [ClosedRange<Int>] = []
    package var events: [SentEvent] = []
}

/// One event as it was sent.
package struct SentEvent: Sendable {
    /// From 0, in its batch.
    package var offset: Int
    package var id: UUID?
    package var workspaceID: UUID?
    package var provider: String?
    package var model: String?
    package var tokens = TokenCounts()
    /// Microseconds since 1970.
    package var occurredAt: Int?
    /// Only where the event names one.
    package var orgID: UUID?
    /// What is wrong with it, for a person; nil: every field can be read.
    package var fault: String?
    /// Where it stands in the body.
    package var bytes: Range<Int>
}

/// Tokens by kind; of what was sent, also negative.
package struct TokenCounts: Sendable, Equatable {
    package var input = 0
    /// Without those of reasoning.
    package var output = 0
    /// Of the input, read from the provider's cache.
    package var cached = 0
    package var reasoning = 0

    package init(input: Int = 0, output: Int = 0, cached: Int = 0, reasoning: Int = 0) {
        self.input = input
        self.output = output
        self.cached = cached
        self.reasoning = reasoning
    }

    package var all: [Int] { [input, output, cached, reasoning] }
}
