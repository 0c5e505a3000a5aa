/// Percent-encoding as signatures want it: RFC 3986's unreserved characters stay, the rest is `%XY` in upper
/// case. Source: "Create a signed AWS API request", AWS IAM user guide.
@inline(__always)
func isUnreserved(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 26
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: "~")
}

@inline(__always)
private func appendEncoded(_ byte: UInt8, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "%"))
    for nibble in [byte >> 4, byte & 15] {
        out.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "A") - 10 + nibble)
    }
}

func appendEncoded(_ bytes: some Sequence<UInt8>, to out: inout [UInt8]) {
    for byte in bytes {
        if isUnreserved(byte) { out.append(byte) } else { appendEncoded(byte, to: &out) }
    }
}

/// The path of the canonical request.
func appendCanonicalPath(_ path: String, _ options: SigningOptions, to out: inout [UInt8]) {
    let slash = UInt8(ascii: "/")
    guard path.utf8.first == slash else {
        out.append(slash)
        if !path.isEmpty { appendCanonicalSegments(Array(("/" + path).utf8).dropFirst(), options, to: &out) }
        return
    }
    guard options.normalizesPath else {
        appendCanonicalSegments(Array(path.utf8)[...], options, to: &out)
        return
    }
    appendCanonicalSegments(normalized(Array(path.utf8))[...], options, to: &out)
}

private func appendCanonicalSegments(
    _ path: ArraySlice<UInt8>, _ options: SigningOptions, to out: inout [UInt8]
) {
    for byte in path {
        if byte == UInt8(ascii: "/") || isUnreserved(byte) {
            out.append(byte)
        } else if options.encodesPath || !belongsInPath(byte) {
            appendEncoded(byte, to: &out)
        } else {
            out.append(byte)
        }
    }
}

/// Whether a byte may stand in a request line's path. One that may not is what a client would have encoded.
private func belongsInPath(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && !"\"<>\\^`{|}".utf8.contains(byte)
}

/// Dot segments and empty segments removed; a trailing slash stays. RFC 3986, section 5.2.4.
private func normalized(_ path: [UInt8]) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    let dot = UInt8(ascii: ".")
    var segments: [ArraySlice<UInt8>] = []
    for segment in path.split(separator: slash, omittingEmptySubsequences: true) {
        if segment.elementsEqual([dot]) { continue }
        if segment.elementsEqual([dot, dot]) {
            _ = segments.popLast()
        } else {
            segments.append(segment)
        }
    }
    var out: [UInt8] = []
    for segment in segments {
        out.append(slash)
        out += segment
    }
    if segments.isEmpty || path.last == slash { out.append(slash) }
    return out
}

/// One parameter of a query, decoded and encoded anew, so that every spelling of it signs the same.
struct QueryParameter {
    var name: [UInt8]
    var value: [UInt8]

    init(encoding name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
        self.name = []
        self.value = []
        appendEncoded(name, to: &self.name)
        appendEncoded(value, to: &self.value)
    }

    /// The parameters of a query as it stands in a request line. A plus is a plus, not a space.
    static func parse(_ query: String) -> [QueryParameter] {
        query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            return QueryParameter(
                encoding: percentDecoded(pair[..<equals]),
                percentDecoded(equals < pair.endIndex ? pair[pair.index(after: equals)...] : ""[...].utf8))
        }
    }

    /// By name, then by value, byte for byte.
    static func appendSorted(_ parameters: [QueryParameter], to out: inout [UInt8]) {
        let sorted = parameters.sorted { a, b in
            a.name == b.name
                ? a.value.lexicographicallyPrecedes(b.value) : a.name.lexicographicallyPrecedes(b.name)
        }
        for (index, parameter) in sorted.enumerated() {
            if index > 0 { out.append(UInt8(ascii: "&")) }
            out += parameter.name
            out.append(UInt8(ascii: "="))
            out += parameter.value
        }
    }
}

/// `%` without two hexadecimal digits stands for itself.
func percentDecoded(_ text: Substring.UTF8View) -> [UInt8] {
    var out: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
        let digits = rest.prefix(2).compactMap(hexValue)
        if byte == UInt8(ascii: "%"), digits.count == 2, rest.count >= 2 {
            out.append(digits[0] << 4 | digits[1])
            rest = rest.dropFirst(2)
        } else {
            out.append(byte)
        }
    }
    return out
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
