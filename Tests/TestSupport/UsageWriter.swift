import Foundation

/// Writes batches of one stream.
struct UsageWriter {
    private let epoch: String
    private let workspaces: [String]
    private let time: Date
    private var sequence = 1
    private var random: UsageRandom

    private static let models = [
        ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5.1"), ("mistral", "mistral-large-latest"),
    ]

    init(tenant: UUID, time: Date, seed: UInt64) {
        var random = UsageRandom(state: seed)
        epoch = random.uuid()
        workspaces = (0..<5).map { _ in random.uuid() }
        self.time = time
        self.random = random
    }

    mutating func batch(_ count: Int, into expected: inout UsageLoad.Sums) -> [UInt8] {
        var text = #"{"epoch":"\#(epoch)","sequence":\#(sequence),"events":["#
        for index in 0..<count {
            if index > 0 { text += "," }
            event(&text, &expected)
        }
        sequence += count
        return Array((text + "]}").utf8)
    }

    private mutating func event(_ text: inout String, _ expected: inout UsageLoad.Sums) {
        // Of the last three hours, to the millisecond.
        let milliseconds =
            Int(time.timeIntervalSince1970 * 1_000) - Int.random(in: 0..<10_800_000, using: &random)
        let workspace = workspaces[Int.random(in: 0..<workspaces.count, using: &random)]
        let (provider, model) = Self.models[Int.random(in: 0..<Self.models.count, using: &random)]
        let tokens = [20_000, 2_000, 5_000, 800].map { Int.random(in: 0...$0, using: &random) }
        text += """
            {"id":"\(random.uuid(at: milliseconds))","workspace_id":"\(workspace)","model":"\(model)",\
            "provider":"\(provider)","input_tokens":\(tokens[0]),"output_tokens":\(tokens[1]),\
            "cached_tokens":\(tokens[2]),"reasoning_tokens":\(tokens[3]),\
            "occurred_at":"\(Self.text(milliseconds))"}
            """
        let key = "\(milliseconds / 3_600_000) \(workspace) \(provider) \(model)"
        let amounts = [1] + tokens + [tokens.reduce(0, +) * 1_000]
        expected[key] = zip(expected[key] ?? [0, 0, 0, 0, 0, 0], amounts).map(+)
    }

    private static func text(_ milliseconds: Int) -> String {
        let second = Date(timeIntervalSince1970: Double(milliseconds / 1_000)).formatted(.iso8601)
        return second.dropLast() + ".\(String(milliseconds % 1_000 + 1_000).dropFirst())Z"
    }
}

/// Repeatable: the same seed gives the same numbers (SplitMix64).
struct UsageRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// Version 7 with a time, else version 4 (RFC 9562).
    mutating func uuid(at milliseconds: Int? = nil) -> String {
        var (high, low) = (next(), next())
        if let milliseconds { high = UInt64(milliseconds) << 16 | high & 0xFFFF }
        high = high & ~0xF000 | (milliseconds == nil ? 0x4000 : 0x7000)
        low = low & ~(3 << 62) | (2 << 62)
        var bytes = (high.bigEndian, low.bigEndian)
        return withUnsafeBytes(of: &bytes) { raw in
            UUID(uuid: raw.loadUnaligned(as: uuid_t.self)).uuidString.lowercased()
        }
    }
}
