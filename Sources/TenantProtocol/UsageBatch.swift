/// `POST /cp/llm-usage-events`: what an organisation's workspaces have used of language models.
///
/// Authenticated as the tenant. At most `maximumEvents` events and `maximumBytes` of JSON, sent as it is or
/// with `Content-Encoding: gzip`. Answers 200 with a `UsageReceipt` once all of it is on the platform's disk.
/// An event counts once for ever, by its id and by its place in the tenant's stream.
package struct UsageBatch: Codable, Sendable, Equatable {
    /// UUID of the stream that the events stand in: a spool begins a new one whenever it cannot be sure to go
    /// on with the old. Nil from a client without a spool, whose gaps nobody can see.
    package var epoch: String?
    /// Place of the first event in the stream, counted from 1; the others follow without a gap.
    package var sequence: Int?
    package var events: [UsageEvent]
    /// Ranges of the stream that the tenant no longer has, in answer to `UsageReceipt.missing`.
    package var lost: [SequenceRange]?

    package static let maximumEvents = 1_000
    /// Of the JSON, compressed or not.
    package static let maximumBytes = 1 << 20

    package init(epoch: String?, sequence: Int?, events: [UsageEvent], lost: [SequenceRange]? = nil) {
        self.epoch = epoch
        self.sequence = sequence
        self.events = events
        self.lost = lost
    }
}

/// One answer of a model. Counts are tokens.
package struct UsageEvent: Codable, Sendable, Equatable {
    /// UUID, made once when the model has answered; a version 7 keeps the platform's index of ids small.
    package var id: String
    /// UUID.
    package var workspaceID: String
    /// As the provider names it: 1 to `maximumNameBytes` of `A-Z a-z 0-9 . _ : / @ + -`.
    package var model: String
    package var provider: String
    /// Not cached.
    package var inputTokens: Int
    /// Without those of reasoning.
    package var outputTokens: Int
    /// Of the input, read from the provider's cache.
    package var cachedTokens: Int
    package var reasoningTokens: Int
    /// RFC 3339.
    package var occurredAt: String

    package static let maximumNameBytes = 128
    /// Of each count.
    package static let maximumTokens = 1_000_000_000

    package init(
        id: String, workspaceID: String, model: String, provider: String, inputTokens: Int, outputTokens: Int,
        cachedTokens: Int = 0, reasoningTokens: Int = 0, occurredAt: String
    ) {
        self.id = id
        self.workspaceID = workspaceID
        self.model = model
        self.provider = provider
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cachedTokens = cachedTokens
        self.reasoningTokens = reasoningTokens
        self.occurredAt = occurredAt
    }

    package enum CodingKeys: String, CodingKey {
        case id, model, provider
        case workspaceID = "workspace_id"
        case inputTokens = "input_tokens"
        case outputTokens = "output_tokens"
        case cachedTokens = "cached_tokens"
        case reasoningTokens = "reasoning_tokens"
        case occurredAt = "occurred_at"
    }
}

/// Places of a stream, both ends included.
package struct SequenceRange: Codable, Sendable, Equatable, Hashable {
    package var from: Int
    package var to: Int

    package init(from: Int, to: Int) {
        self.from = from
        self.to = to
    }
}

/// What has become of a batch. `accepted + duplicates + setAside` is the number of its events.
package struct UsageReceipt: Codable, Sendable, Equatable {
    package var accepted: Int
    /// Counted before.
    package var duplicates: Int
    /// Kept, and not billed, each for a reason that an operator reads. Nothing for the tenant to repeat.
    package var setAside: Int
    /// Of this batch's stream, what the platform has not got before the highest place it knows: to be sent
    /// again, or named as `lost`. At most `maximumMissing` ranges, the oldest first.
    package var missing: [SequenceRange]

    package static let maximumMissing = 100

    package init(accepted: Int, duplicates: Int, setAside: Int, missing: [SequenceRange]) {
        self.accepted = accepted
        self.duplicates = duplicates
        self.setAside = setAside
        self.missing = missing
    }

    package enum CodingKeys: String, CodingKey {
        case accepted, duplicates, missing
        case setAside = "set_aside"
    }
}
