import WireText

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// UUID version 7: those made one after the other lie side by side in an index.
/// Source: RFC 9562, section 5.7.
package enum EventID {
    package static func make(at date: Date = Date()) -> String {
        let milliseconds = UInt64(max(0, date.timeIntervalSince1970) * 1_000)
        var bytes = (0..<6).map { UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * UInt64($0))) }
        var generator = SystemRandomNumberGenerator()
        bytes += (0..<10).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[6] = bytes[6] & 0x0f | 0x70
        bytes[8] = bytes[8] & 0x3f | 0x80
        return text(bytes)
    }

    private static func text(_ bytes: [UInt8]) -> String {
        [bytes[..<4], bytes[4..<6], bytes[6..<8], bytes[8..<10], bytes[10...]].map(\.hex)
            .joined(separator: "-")
    }
}
