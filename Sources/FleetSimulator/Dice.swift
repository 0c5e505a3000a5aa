import Foundation
import Synchronization

/// SplitMix64: the same seed gives the same numbers on every machine. For simulations only, never for
/// secrets.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// One stream of chance. Each part of the world has its own, so that a change in one leaves the others be.
final class Dice: Sendable {
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64, _ stream: String) {
        generator = Mutex(SeededGenerator(seed: Hash64(of: "\(seed)/\(stream)").value))
    }

    func bits() -> UInt64 { generator.withLock { $0.next() } }

    func chance(_ probability: Double) -> Bool {
        probability > 0 && generator.withLock { Double.random(in: 0..<1, using: &$0) } < probability
    }

    func share() -> Double { generator.withLock { Double.random(in: 0..<1, using: &$0) } }

    func number(_ range: Range<Int>) -> Int { generator.withLock { Int.random(in: range, using: &$0) } }

    /// Evenly between the two, in whole microseconds.
    func between(_ shortest: Duration, _ longest: Duration) -> Duration {
        .microseconds(number(shortest.microseconds..<(longest.microseconds + 1)))
    }

    /// Time to the next event of a process without memory.
    func exponential(mean: Duration) -> Duration {
        let share = -log(generator.withLock { Double.random(in: 0.000_001..<1, using: &$0) })
        return .microseconds(Int(share * Double(mean.microseconds)))
    }

    func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[number(0..<elements.count)]
    }
}

/// FNV-1a, 64 bits, over all that is added.
struct Hash64 {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    init() {}
    init(of text: String) { add(text) }

    mutating func add(_ text: String) {
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// 16 hexadecimal digits.
    var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Duration {
    var microseconds: Int { Int(components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000) }
    var inSeconds: Double { Double(microseconds) / 1_000_000 }
}
