import Foundation

@testable import Billing
@testable import FleetSimulator
@testable import Providers
@testable import Service
@testable import WireText

/// Inputs that are nearly right, and inputs that are nothing at all.
enum Mutation {
    /// Stands in values; no answer may repeat it.
    static let marker = "hunter2-canary"

    private static let pieces = [
        "\u{0}", "\r\n", "%00", "%2e%2e", "../", "\\", "//", "@", ":", "'; --", "\u{202e}", "é", "ａ",
        "\u{1f600}",
        " ", "\t", "\"", "{", "}", "[", "]", ",", "null", "true", "-1", "1e999", "99999999999999999999",
        "\u{ff0e}", "xn--", String(repeating: "a", count: 600), ";", "=", "A", "0", "_",
    ]

    static func text(_ good: String, using generator: inout SplitMix) -> String {
        var scalars = Array(good.unicodeScalars)
        for _ in 0...Int.random(in: 0...2, using: &generator) {
            let place = Int.random(in: 0...scalars.count, using: &generator)
            switch Int.random(in: 0...5, using: &generator) {
            case 0: scalars.insert(contentsOf: piece(using: &generator), at: place)
            case 1 where place < scalars.count: scalars.remove(at: place)
            case 2 where place < scalars.count:
                scalars[place] = Unicode.Scalar(UInt8.random(in: 0...255, using: &generator))
            case 3: scalars = Array(scalars.prefix(place))
            case 4: scalars += scalars.suffix(place)
            default: scalars = Array(String(String.UnicodeScalarView(scalars)).uppercased().unicodeScalars)
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    private static func piece(using generator: inout SplitMix) -> String.UnicodeScalarView {
        (pieces.randomElement(using: &generator) ?? "").unicodeScalars
    }

    static func json(_ good: String, round: Int, using generator: inout SplitMix) -> Data {
        switch round % 8 {
        case 0: Data(good.utf8)
        case 1: Data((0..<Int.random(in: 0...64, using: &generator)).map { _ in generator.next(upTo: 256) })
        case 2: Data(nested(Int.random(in: 1...3_000, using: &generator)).utf8)
        case 3: Data((String(good.dropLast()) + ",\"strange\":\"\(marker)\"}").utf8)
        case 4: replaced(good, using: &generator)
        case 5: Data(flipped(Array(good.utf8), using: &generator))
        default: Data(text(good, using: &generator).utf8)
        }
    }

    private static func nested(_ depth: Int) -> String {
        String(repeating: "{\"a\":[", count: depth) + "1" + String(repeating: "]}", count: depth)
    }

    /// One value in place of another.
    private static func replaced(_ good: String, using generator: inout SplitMix) -> Data {
        let values = [
            "null", "\"\(marker)\"", "-1", "1.5", "1e400", "[]", "{}", "true", "\"\\u0000\"", "[[1]]",
        ]
        let value = values.randomElement(using: &generator) ?? "null"
        guard let colon = good.firstIndex(of: ":") else { return Data(good.utf8) }
        return Data((good[...colon] + value + "}").utf8)
    }

    private static func flipped(_ bytes: [UInt8], using generator: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0...2 {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                1 << UInt8.random(in: 0...7, using: &generator)
        }
        return bytes
    }
}

extension SplitMix {
    fileprivate mutating func next(upTo bound: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: next() % bound) }
}
