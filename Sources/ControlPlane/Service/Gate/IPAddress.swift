import Glibc

/// An address of IP version 4 or 6. A version 4 one that comes mapped into version 6 is a version 4 one.
struct IPAddress: Sendable, Hashable {
    /// 4 or 16.
    let bytes: [UInt8]

    /// nil for everything that is no address, also for one with a port, brackets or a zone.
    init?(_ text: some StringProtocol) {
        // INET6_ADDRSTRLEN
        guard (2..<46).contains(text.utf8.count) else { return nil }
        let text = String(text)
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes[..<4])
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
            self.bytes = isMapped ? Array(bytes[12...]) : bytes
        } else {
            return nil
        }
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    var text: String {
        var text = [CChar](repeating: 0, count: 46)
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// By what an address is counted: its subscriber, or what it says where that is no address.
    static func subscriber(of text: String) -> String { IPAddress(text)?.subscriber ?? text }

    /// Of one subscriber: a version 6 address without its last 64 bits, which its holder chooses.
    var subscriber: String {
        guard bytes.count == 16 else { return text }
        return IPAddress(bytes: Array(bytes[..<8]) + [UInt8](repeating: 0, count: 8)).text + "/64"
    }
}

/// `10.0.0.0/8`, `2001:db8::/32`, or one address.
struct AddressRange: Sendable, Hashable {
    let first: IPAddress
    /// Leading bits that are the same.
    let length: Int

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first), parts.count <= 2 else { return nil }
        let maximum = address.bytes.count * 8
        let length = parts.count == 2 ? Int(parts[1]) : maximum
        guard let length, (0...maximum).contains(length) else { return nil }
        self.first = address
        self.length = length
    }

    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == first.bytes.count else { return false }
        return zip(address.bytes, first.bytes).enumerated().allSatisfy { index, pair in
            let bits = min(8, max(0, length - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xff00 >> bits)
            return pair.0 & mask == pair.1 & mask
        }
    }
}
