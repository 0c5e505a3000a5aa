import FoundationEssentials

/// Reads one event of a batch. What cannot be read is noted, the first of it, and the rest is read on.
struct SentEventReader {
    private var event: SentEvent
    /// One bit a field.
    private var seen: UInt16 = 0

    static func read(_ scanner: inout JSONScanner, offset: Int) throws -> SentEvent {
        _ = scanner.next()
        let start = scanner.position
        var reader = SentEventReader(event: SentEvent(offset: offset, bytes: start..<start))
        if scanner.next() == UInt8(ascii: "{") {
            try scanner.object { scanner, name in try reader.readField(name, &scanner) }
        } else {
            try scanner.skipValue()
            reader.note("the event is no object")
        }
        reader.event.bytes = start..<scanner.position
        reader.noteMissing()
        return reader.event
    }

    /// In the order in which senders write them: each is found by few comparisons.
    private static let fields: [(name: StaticString, isOptional: Bool)] = [
        ("id", false), ("workspace_id", false), ("model", false), ("provider", false),
        ("input_tokens", false), ("output_tokens", false), ("cached_tokens", true),
        ("reasoning_tokens", true), ("occurred_at", false), ("org_id", true),
    ]

    static let fieldNames: [String] = fields.map(\.name.description)

    private init(event: SentEvent) { self.event = event }

    private mutating func readField(_ name: JSONText, _ scanner: inout JSONScanner) throws {
        guard let field = Self.fields.firstIndex(where: { name.equals($0.name) }) else {
            note("a field is not known")
            return try scanner.skipValue()
        }
        if seen & 1 << field != 0 { note("\(Self.fields[field].name) stands there twice") }
        seen |= 1 << field
        switch field {
        case 0: event.id = try text(&scanner, field, "a UUID", UsageField.uuid)
        case 1: event.workspaceID = try text(&scanner, field, "a UUID", UsageField.uuid)
        case 2: event.model = try text(&scanner, field, Self.nameRule, UsageField.name)
        case 3: event.provider = try text(&scanner, field, Self.nameRule, UsageField.name)
        case 4: event.tokens.input = try count(&scanner, field)
        case 5: event.tokens.output = try count(&scanner, field)
        case 6: event.tokens.cached = try count(&scanner, field)
        case 7: event.tokens.reasoning = try count(&scanner, field)
        case 8: event.occurredAt = try text(&scanner, field, "a time of RFC 3339", RFC3339.microseconds)
        default: event.orgID = try text(&scanner, field, "a UUID", UsageField.uuid)
        }
    }

    private static let nameRule =
        "1 to \(UsageField.maximumNameBytes) letters, digits or any of . _ : / @ + -"

    private mutating func text<Value>(
        _ scanner: inout JSONScanner, _ field: Int, _ rule: String,
        _ read: (UnsafeBufferPointer<UInt8>) -> Value?
    ) throws -> Value? {
        guard scanner.next() == UInt8(ascii: "\"") else {
            note("\(Self.fields[field].name) is no string")
            try scanner.skipValue()
            return nil
        }
        let value = try scanner.string().read(read)
        if value == nil { note("\(Self.fields[field].name) is not \(rule)") }
        return value
    }

    private mutating func count(_ scanner: inout JSONScanner, _ field: Int) throws -> Int {
        guard let byte = scanner.next(), byte &- 48 < 10 || byte == UInt8(ascii: "-") else {
            note("\(Self.fields[field].name) is no number")
            try scanner.skipValue()
            return 0
        }
        if let value = UsageField.integer(try scanner.number()) { return value }
        note("\(Self.fields[field].name) is no whole number of at most 18 digits")
        return 0
    }

    private mutating func noteMissing() {
        guard event.fault == nil else { return }
        for (index, field) in Self.fields.enumerated() where seen & 1 << index == 0 && !field.isOptional {
            return note("\(field.name) is missing")
        }
    }

    private mutating func note(_ fault: @autoclosure () -> String) {
        if event.fault == nil { event.fault = fault() }
    }
}
