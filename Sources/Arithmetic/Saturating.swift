/// Arithmetic on numbers that come from outside: from a tenant, a provider, a request, a file or a row that
/// an older version wrote. Swift's own operators end the process when a result does not fit, and the
/// wrapping ones turn a large sum into a negative one. These keep to the type's nearest end: a sum beyond
/// `Int.max` is `Int.max`. What such an end means is for the limits of each place; that the process lives
/// on is ensured here.
///
/// The names are those of other languages' saturating operators; precedences are those of `+`, `-` and `*`.
infix operator +| : AdditionPrecedence
infix operator -| : AdditionPrecedence
infix operator *| : MultiplicationPrecedence
infix operator +|= : AssignmentPrecedence
infix operator -|= : AssignmentPrecedence

extension FixedWidthInteger {
    package static func +| (one: Self, other: Self) -> Self {
        let (sum, overflows) = one.addingReportingOverflow(other)
        guard overflows else { return sum }
        return other < 0 ? .min : .max
    }

    package static func -| (one: Self, other: Self) -> Self {
        let (difference, overflows) = one.subtractingReportingOverflow(other)
        guard overflows else { return difference }
        return other < 0 ? .max : .min
    }

    package static func *| (one: Self, other: Self) -> Self {
        let (product, overflows) = one.multipliedReportingOverflow(by: other)
        guard overflows else { return product }
        return (one < 0) == (other < 0) ? .max : .min
    }

    package static func +|= (one: inout Self, other: Self) { one = one +| other }
    package static func -|= (one: inout Self, other: Self) { one = one -| other }
}

extension Sequence where Element: FixedWidthInteger {
    /// Summed with `+|`, in the sequence's order.
    package var saturatedSum: Element { reduce(0, +|) }
}

extension Int {
    /// A measured, computed or received number, its fraction left away; `Int(_:)` ends the process for what
    /// does not fit. No number at all (NaN) is 0.
    package init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else if let exact = Int(exactly: value.rounded(.towardZero)) {
            self = exact
        } else {
            self = value < 0 ? .min : .max
        }
    }
}
