import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What an ingested body is read by: the scanner against Foundation's reader, times against Foundation's.
@Suite struct UsageReadingTests {
    private static func accepts(_ text: [UInt8]) -> Bool {
        text.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            return (try? scanner.skipValue()) != nil && (try? scanner.end()) != nil
        }
    }

    /// Random damage to a document: the scanner takes exactly what Foundation takes.
    @Test func theScannerAgreesWithFoundation() throws {
        var random = SplitMix(state: 7)
        let document = Array(
            #"{"a":[1,-2.5e+3,0,true,false,null,"x\n\u00e9/"],"b":{"c":"","d":[]}, "e" : -0.5E-2}"#.utf8)
        let alphabet = Array(#"{}[]":,\0123456789.eE+-truefalsnu "#.utf8)
        var taken = 0
        for round in 0..<20_000 {
            var text = document
            for _ in 0..<(round % 3) {
                let position = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text[position] = alphabet.randomElement(using: &random)!
                case 1: text.remove(at: position)
                default: text.insert(alphabet.randomElement(using: &random)!, at: position)
                }
            }
            // Foundation takes a comma before an end, and no number beyond a Double.
            let string = String(decoding: text, as: UTF8.self)
            if string.contains(/,\s*[}\]]/) || string.contains(/[eE][+-]?[0-9]{3}/) { continue }
            let wanted =
                (try? JSONSerialization.jsonObject(with: Data(text), options: [.fragmentsAllowed])) != nil
            let found = Self.accepts(text)
            if found { taken += 1 }
            #expect(found == wanted, "\(string)")
        }
        #expect(taken > 6_000 && taken < 19_000)
    }

    @Test func nestingHasALimit() {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(Self.accepts(nested(JSONScanner.maximumDepth)))
        #expect(!Self.accepts(nested(JSONScanner.maximumDepth + 1)))
        #expect(!Self.accepts(nested(500_000)), "and no stack overflows")
    }

    private static func time(_ text: String) -> Int? {
        var text = text
        return text.withUTF8 { RFC3339.microseconds($0) }
    }

    @Test func timesAreThoseOfFoundation() throws {
        var random = SplitMix(state: 11)
        for _ in 0..<5_000 {
            // From the first whole century of today's calendar to the year 8307.
            let seconds = Int.random(in: -11_676_096_000..<200_000_000_000, using: &random)
            let text = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
            #expect(Self.time(text) == seconds * 1_000_000, "\(text)")
        }
    }

    @Test(arguments: [
        ("2026-11-24T10:00:00Z", 1_795_514_400_000_000), ("2026-11-24T11:30:00+01:30", 1_795_514_400_000_000),
        ("2026-11-24t10:00:00.1234567z", 1_795_514_400_123_456),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("1970-01-01T00:00:00-00:00", 0),
    ])
    func aTimeIsReadToTheMicrosecond(_ text: String, _ microseconds: Int) {
        #expect(Self.time(text) == microseconds)
    }

    @Test(arguments: [
        "", "2026-11-24", "2026-11-24T10:00:00", "2026-13-01T10:00:00Z", "2026-02-29T10:00:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T10:00:00.Z", "2026-11-24T10:00:00+0100", "2026-11-24T10:00:00Zz",
        "0000-01-01T00:00:00Z", "2026-11-24T10:61:00Z", "2026-11-24T10:00:00,5Z", "2O26-11-24T10:00:00Z",
    ])
    func whatIsNoTimeIsNotRead(_ text: String) { #expect(Self.time(text) == nil) }

    @Test func idsNumbersAndNamesAreReadStrictly() {
        func read<Value>(_ text: String, _ value: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
            var text = text
            return text.withUTF8(value)
        }
        let id = UUID()
        #expect(read(id.uuidString, UsageField.uuid) == id && read(id.text, UsageField.uuid) == id)
        for text in [
            "", String(id.text.dropLast()), id.text + "0", id.text.replacing("-", with: "0"), "{\(id)}",
        ] {
            #expect(read(text, UsageField.uuid) == nil, "\(text)")
        }
        #expect(read("-12", UsageField.integer) == -12 && read("0", UsageField.integer) == 0)
        #expect(read(String(repeating: "9", count: 18), UsageField.integer) == 999_999_999_999_999_999)
        for text in ["", "-", "1.0", "1e3", String(repeating: "9", count: 19)] {
            #expect(read(text, UsageField.integer) == nil, "\(text)")
        }
        #expect(read("accounts/f/models/llama-v3p1:free@eu", UsageField.name) != nil)
        for text in ["", "two words", "a\"b", "é", String(repeating: "a", count: 129)] {
            #expect(read(text, UsageField.name) == nil, "\(text)")
        }
    }
}
