import FoundationEssentials

/// The known fields of an event as text, for what is set aside: whoever decides about it sees what was sent,
/// and it can be judged again. What else was in it is not kept.
package struct SetAsideText: Codable, Sendable, Equatable {
    /// Longest text of one field, in bytes; what is longer is cut.
    package static let maximumBytes = UsageField.maximumNameBytes

    private(set) var fields: [String: String] = [:]

    /// - Parameter bytes: of the event alone, JSON that was read before.
    package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        var scanner = JSONScanner(bytes)
        guard scanner.next() == UInt8(ascii: "{") else { return }
        try? scanner.object { scanner, name in try keep(name, &scanner) }
    }

    private mutating func keep(_ name: JSONText, _ scanner: inout JSONScanner) throws {
        guard let field = SentEventReader.fieldNames.first(where: { $0 == name.string }) else {
            return try scanner.skipValue()
        }
        guard let byte = scanner.next() else { return }
        switch byte {
        case UInt8(ascii: "\""): fields[field] = Self.cut(try scanner.string().string ?? "")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            fields[field] = Self.cut(String(decoding: try scanner.number(), as: UTF8.self))
        default: try scanner.skipValue()
        }
    }

    /// The event again, as it can be read from what was kept.
    var sentEvent: SentEvent {
        let counts = ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"]
        let members = fields.map { name, text in
            let isNumber = counts.contains(name) && !text.isEmpty && text.allSatisfy(\.isNumber)
            let value = (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) }
            return "\"\(name)\":\(isNumber ? text : value ?? "null")"
        }
        var json = "{\(members.joined(separator: ","))}"
        let event = json.withUTF8 { bytes in
            var scanner = JSONScanner(bytes)
            return try? SentEventReader.read(&scanner, offset: 0)
        }
        return event ?? SentEvent(offset: 0, fault: "what was kept of it cannot be read", bytes: 0..<0)
    }

    private static func cut(_ text: String) -> String {
        let kept =
            text.utf8.count <= maximumBytes
            ? text : String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self)
        return kept.replacing("\0", with: "")
    }

    package init(from decoder: any Decoder) throws { fields = try [String: String](from: decoder) }

    package func encode(to encoder: any Encoder) throws { try fields.encode(to: encoder) }
}
