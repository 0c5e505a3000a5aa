import Postgres

extension SQL {
    /// `sum(expression)` as a bigint: 0 without rows, and the nearest end of a bigint where the sum does
    /// not fit one, which a cast alone fails for. PostgreSQL sums bigints as numeric, which has no end.
    static func clampedSum(_ expression: SQL) -> SQL { clamped("coalesce(sum(\(expression)), 0)") }

    /// The same of a number.
    static func clamped(_ number: SQL) -> SQL {
        "greatest(-9223372036854775808, least(9223372036854775807, \(number)))::bigint"
    }
}
