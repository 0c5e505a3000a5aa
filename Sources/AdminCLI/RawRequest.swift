import AWSSigV4

/// An HTTP/1.1 request as it stands on the wire, or in a file that shows one.
///
/// Taken as it is: lines may end in CRLF or LF, a folded line belongs to the header before it, the target is
/// everything between the first and the last space of the request line. The body is what follows the blank
/// line, of the length that Content-Length gives, if it does.
struct RawRequest {
    let request: SigningRequest

    init(_ bytes: [UInt8]) throws {
        var (lines, body) = Self.split(bytes)
        while lines.first?.isEmpty == true { lines.removeFirst() }
        guard !lines.isEmpty else { throw Failure("There is no HTTP request on standard input.") }
        let (method, target) = try Self.requestLine(lines.removeFirst())
        var headers = try Self.headers(lines)
        let (origin, host) = Self.originForm(target)
        if let host, !headers.contains(where: { $0.name.lowercased() == "host" }) {
            headers.append(SigningHeader("Host", host))
        }
        let parts = origin.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var request = SigningRequest(
            method: method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : "",
            headers: headers)
        if let text = request.header("content-length"), let length = Int(text.filter { $0 != " " }),
            length >= 0
        {
            body = body.prefix(length)
        }
        request.body = Array(body)
        self.request = request
    }

    /// The lines before the first blank one, without their ends, and what follows it.
    private static func split(_ bytes: [UInt8]) -> (lines: [String], body: ArraySlice<UInt8>) {
        var lines: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            var line = rest[..<end]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            rest = rest[min(end + 1, rest.endIndex)...]
            if line.isEmpty, !lines.isEmpty { break }
            lines.append(String(decoding: line, as: UTF8.self))
        }
        return (lines, rest)
    }

    private static func requestLine(_ line: String) throws -> (method: String, target: String) {
        guard let first = line.firstIndex(of: " "), first > line.startIndex else {
            throw Failure("The first line is not a request line: METHOD TARGET HTTP/1.1")
        }
        var target = line[line.index(after: first)...]
        if let last = target.lastIndex(of: " "), target[last...].hasPrefix(" HTTP/") {
            target = target[..<last]
        }
        return (String(line[..<first]), String(target))
    }

    private static func headers(_ lines: [String]) throws -> [SigningHeader] {
        var headers: [SigningHeader] = []
        for line in lines {
            if line.first == " " || line.first == "\t" {
                guard !headers.isEmpty else { throw Failure("The first header is a folded line.") }
                headers[headers.count - 1].value += "\n" + line
            } else {
                guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
                    throw Failure("This line is not a header: \(line.prefix(80))")
                }
                headers.append(
                    SigningHeader(String(line[..<colon]), String(line[line.index(after: colon)...])))
            }
        }
        return headers
    }

    /// Of `GET https://host/path`, the part that a server sees, and the host.
    private static func originForm(_ target: String) -> (String, host: String?) {
        for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
            let rest = target.dropFirst(scheme.count)
            let host = rest.prefix { $0 != "/" && $0 != "?" }
            return (String(rest.dropFirst(host.count)), String(host))
        }
        return (target, nil)
    }
}
