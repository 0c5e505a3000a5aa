/// One HTTP request. Nothing is added to it but what HTTP itself needs (Host, Content-Length) and, when
/// the request has none of its own, `Accept: */*` and the client's User-Agent.
package struct HTTPRequest: Sendable {
    package var method: String
    /// Absolute, `http` or `https`.
    package var url: String
    /// Sent in this order, duplicates included.
    package var headers: [HTTPField]
    package var body: [UInt8]
    /// From start to the last byte of the answer; of a stream, to the end of the answer's head.
    package var timeout: Duration = .seconds(30)
    /// Name look-up, TCP and TLS together.
    package var connectTimeout: Duration = .seconds(5)
    /// A longer body ends in `HTTPError.responseTooLarge`. A stream has no such limit.
    package var maximumResponseBytes: Int = 1 << 20
    /// At most 5 redirects, each to http or https.
    package var followsRedirects = false
    /// Connects to this socket instead of the URL's host and port (the Docker API, say).
    package var unixSocketPath: String?

    package init(_ method: String, _ url: String, headers: [HTTPField] = [], body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// One header line.
package struct HTTPField: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// An answer of any status: one outside 200...299 is an answer, not an error.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// As received, duplicates included.
    package var headers: [HTTPField]
    package var body: [UInt8]

    package init(status: Int, headers: [HTTPField], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first header of this name, in any case.
    package func header(_ name: String) -> String? {
        headers.first { sameASCII($0.name, name) }?.value
    }

    /// The body as UTF-8; bytes that are not become U+FFFD.
    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// Equality of header names: ASCII, in any case.
func sameASCII(_ a: String, _ b: String) -> Bool {
    a.utf8.elementsEqual(b.utf8) { lowered($0) == lowered($1) }
}

private func lowered(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}
