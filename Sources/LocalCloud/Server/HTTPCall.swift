import HTTPTypes
import NIOCore

/// One request to an emulated service, its body read whole.
struct HTTPCall: Sendable {
    var method: String
    /// As it came on the request line, still percent-encoded, without the query.
    var path: String
    /// As it came, without `?`; empty when there is none.
    var query: String
    /// In order, as they came, `host` included.
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    /// The caller's address, without the port.
    var source: String
    /// The caller's connection, for what depends on the socket.
    var channel: any Channel

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }

    var queryItems: [(name: String, value: String)] { FormText.parse(query) }

    func queryItem(_ name: String) -> String? { queryItems.first { $0.name == name }?.value }
}

/// What a service answers.
struct HTTPAnswer: Sendable {
    var status: Int
    var contentType: String?
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]

    static func text(_ status: Int, _ text: String) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "text/plain", body: Array(text.utf8))
    }

    static func json(_ status: Int, _ value: JSONValue) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "application/json", body: value.bytes)
    }

    static func empty(_ status: Int) -> HTTPAnswer { HTTPAnswer(status: status, contentType: nil, body: []) }
}

/// `application/x-www-form-urlencoded`.
enum FormText {
    static func parse(_ text: some StringProtocol) -> [(name: String, value: String)] {
        text.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let halves = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (decode(halves[0]), halves.count > 1 ? decode(halves[1]) : "")
        }
    }

    static func decode(_ bytes: some Collection<UInt8>) -> String {
        var result: [UInt8] = []
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"): result.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = iterator.next(), let low = iterator.next(),
                    let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
                else { return String(decoding: result, as: UTF8.self) }
                result.append(value)
            default: result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
