import Arithmetic
import TestSupport
import Testing

@Suite struct SaturatingTests {
    private static func clamped(_ value: Int128) -> Int { Int(clamping: value) }

    /// Against integers that are twice as wide.
    @Test func everyResultIsTheExactOneOrTheNearestEnd() {
        var random = SplitMix(state: 20)
        for _ in 0..<200_000 {
            let (one, other) = (random.extremeInt(), random.extremeInt())
            let (wide, wideOther) = (Int128(one), Int128(other))
            #expect(one +| other == Self.clamped(wide + wideOther))
            #expect(one -| other == Self.clamped(wide - wideOther))
            #expect(one *| other == Self.clamped(wide * wideOther))
        }
    }

    @Test func narrowAndUnsignedNumbersKeepToTheirOwnEnds() {
        for one in UInt8.min...UInt8.max {
            for other in UInt8.min...UInt8.max {
                #expect(one +| other == UInt8(clamping: Int(one) + Int(other)))
                #expect(one -| other == UInt8(clamping: Int(one) - Int(other)))
                #expect(one *| other == UInt8(clamping: Int(one) * Int(other)))
            }
        }
        for one in Int8.min...Int8.max {
            for other in Int8.min...Int8.max {
                #expect(one +| other == Int8(clamping: Int(one) + Int(other)))
                #expect(one -| other == Int8(clamping: Int(one) - Int(other)))
                #expect(one *| other == Int8(clamping: Int(one) * Int(other)))
            }
        }
    }

    @Test func theyBindAsTheOrdinaryOperatorsDo() {
        #expect(2 +| 3 *| 4 == 14)
        #expect(10 -| 3 -| 4 == 3)
        var sum = Int.max - 1
        sum +|= 5
        #expect(sum == .max)
        sum -|= 1
        #expect(sum == .max - 1)
        #expect([Int.max, Int.max, -1].saturatedSum == .max - 1)
        #expect([Int]().saturatedSum == 0)
    }

    @Test func anyFractionBecomesAnInteger() {
        #expect(Int(saturating: .nan) == 0)
        #expect(Int(saturating: .infinity) == .max && Int(saturating: -.infinity) == .min)
        #expect(Int(saturating: 0x1p63) == .max && Int(saturating: -0x1p63) == .min)
        #expect(Int(saturating: 1.9) == 1 && Int(saturating: -1.9) == -1)
        var random = SplitMix(state: 21)
        for _ in 0..<100_000 {
            let value = random.extremeDouble()
            let whole = Int(saturating: value)
            if abs(value) < 0x1p53 {
                #expect(Double(whole) == value.rounded(.towardZero))
            } else if !value.isNaN {
                #expect((whole > 0) == (value > 0))
            }
        }
    }
}
