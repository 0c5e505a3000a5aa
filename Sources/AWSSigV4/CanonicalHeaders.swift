/// The headers that a signature covers, in canonical form: lower-case names in order, values trimmed, the
/// values of one name joined by commas in the order of the wire.
struct CanonicalHeaders {
    private struct Entry {
        /// Of `names`.
        var range: Range<Int>
        var value: String
    }

    /// Headers that proxies and connections change, or that carry the signature itself.
    private static let unsigned: [[UInt8]] = [
        "authorization", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version", "te", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
    ].map { Array($0.utf8) }

    /// Lower-case names, one after the other.
    private var names: [UInt8] = []
    private var entries: [Entry] = []

    /// - Parameter isReplaced: headers that the signer sets itself.
    init(_ headers: [SigningHeader], except isReplaced: (String) -> Bool) {
        names.reserveCapacity(256)
        entries.reserveCapacity(headers.count + 4)
        for header in headers where !isReplaced(header.name) { add(header.name, header.value, checked: true) }
    }

    /// For a verifier: exactly the named headers, of which each must be there.
    init?(_ headers: [SigningHeader], named signed: [Substring]) {
        for name in signed {
            let before = entries.count
            for header in headers where isSameHeader(header.name, String(name)) {
                add(header.name, header.value, checked: false)
            }
            if entries.count == before { return nil }
        }
    }

    /// Keeps the order; of equal names, the one added later comes later.
    mutating func add(_ name: String, _ value: String, checked: Bool = false) {
        let start = names.count
        for byte in name.utf8 { names.append(lowercased(byte)) }
        let range = start..<names.count
        if checked, Self.unsigned.contains(where: { $0.count == range.count && $0[...] == names[range] }) {
            names.removeSubrange(range)
            return
        }
        var index = entries.count
        while index > 0, names[range].lexicographicallyPrecedes(names[entries[index - 1].range]) {
            index -= 1
        }
        entries.insert(Entry(range: range, value: value), at: index)
    }

    var hasHost: Bool { entries.contains { names[$0.range].elementsEqual("host".utf8) } }

    /// One line each, with a line feed at its end.
    func appendLines(to out: inout [UInt8]) {
        for (index, entry) in entries.enumerated() {
            if index > 0, isSameName(entries[index - 1], entry) {
                out[out.count - 1] = UInt8(ascii: ",")
            } else {
                out += names[entry.range]
                out.append(UInt8(ascii: ":"))
            }
            appendTrimmed(entry.value, to: &out)
            out.append(UInt8(ascii: "\n"))
        }
    }

    /// `host;x-amz-date`
    func appendNames(to out: inout [UInt8]) {
        for (index, entry) in entries.enumerated() {
            if index > 0 {
                if isSameName(entries[index - 1], entry) { continue }
                out.append(UInt8(ascii: ";"))
            }
            out += names[entry.range]
        }
    }

    private func isSameName(_ a: Entry, _ b: Entry) -> Bool { names[a.range] == names[b.range] }
}

/// White space gone at both ends, and each run of it inside become one space: also that of a folded line.
private func appendTrimmed(_ value: String, to out: inout [UInt8]) {
    let isDone = value.utf8.withContiguousStorageIfAvailable { bytes in
        guard isTrimmed(bytes) else { return false }
        out.append(contentsOf: bytes)
        return true
    }
    if isDone == true { return }
    var isGap = false
    let start = out.count
    for byte in value.utf8 {
        if isWhiteSpace(byte) {
            isGap = true
        } else {
            if isGap, out.count > start { out.append(0x20) }
            isGap = false
            out.append(byte)
        }
    }
}

/// Nearly every value is in canonical form already, and can be copied as a whole.
private func isTrimmed(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var wasSpace = true
    for byte in bytes {
        let isSpace = isWhiteSpace(byte)
        if isSpace, wasSpace || byte != 0x20 { return false }
        wasSpace = isSpace
    }
    return bytes.isEmpty || !wasSpace
}

@inline(__always)
private func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }
