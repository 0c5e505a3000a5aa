/// Server-sent events out of the bytes of a response. Source: WHATWG HTML, "Server-sent events".
struct EventParser {
    struct Event: Equatable {
        var name: String
        var data: String
    }

    /// Of the last whole event that has one: where a new connection goes on.
    private(set) var lastEventID: String?
    private var rest: [UInt8] = []
    private var name = ""
    private var data: [String] = []
    private var id: String?

    /// The events that these bytes complete.
    mutating func feed(_ bytes: [UInt8]) -> [Event] {
        rest += bytes
        var events: [Event] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            var line = rest[..<end]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if let event = take(String(decoding: line, as: UTF8.self)) { events.append(event) }
            rest.removeSubrange(...end)
        }
        return events
    }

    private mutating func take(_ line: String) -> Event? {
        guard !line.isEmpty else {
            defer { (name, data) = ("", []) }
            lastEventID = id
            return data.isEmpty
                ? nil : Event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
        }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count > 1 ? String(parts[1].first == " " ? parts[1].dropFirst() : parts[1]) : ""
        switch parts[0] {
        case "event": name = value
        case "data": data.append(value)
        case "id" where !value.contains("\0"): id = value
        default: break
        }
        return nil
    }
}
