/// A small generator that gives the same numbers for the same seed. Source: Sebastiano Vigna, SplitMix64.
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

/// Numbers that arithmetic goes wrong at: the ends of the integers, what is just inside of them, roots and
/// quotients of the ends, powers of two and ten, and what is no number at all.
extension SplitMix {
    private static let divisors = [2, 3, 4, 10, 100, 1_000, 3_600, 86_400, 1_000_000]
    private static let doubles: [Double] = [
        .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
        .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0, -0.0, 0x1p63, -0x1p63, 0x1p63.nextDown,
        (-0x1p63).nextDown, 0x1p64, 1e17, 1e18, 1e19, 1e300, 0.5, -0.5,
    ]

    /// Any of the extremes, or something ordinary.
    package mutating func extremeInt() -> Int {
        let near = Int.random(in: 0...3, using: &self)
        switch Int.random(in: 0..<10, using: &self) {
        case 0: return .max - near
        case 1: return .min + near
        case 2: return near - 1
        case 3: return .max / (Self.divisors.randomElement(using: &self) ?? 1) - near
        case 4: return .min / (Self.divisors.randomElement(using: &self) ?? 1) + near
        case 5: return (1 << Int.random(in: 0...62, using: &self)) - near
        case 6: return -(1 << Int.random(in: 0...62, using: &self)) + near
        case 7: return (0..<Int.random(in: 0...18, using: &self)).reduce(1) { power, _ in power * 10 } - near
        case 8: return Int(truncatingIfNeeded: next())
        default: return Int.random(in: -1_000_000...1_000_000, using: &self)
        }
    }

    package mutating func extremeDouble() -> Double {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: return Self.doubles.randomElement(using: &self) ?? .nan
        case 1: return Double(bitPattern: next())
        case 2: return Double(extremeInt())
        default: return Double.random(in: -1e6...1e6, using: &self)
        }
    }
}
