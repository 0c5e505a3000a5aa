/// What the server, the connection or the pool refused. `description` never holds a bound value: the
/// server's detail may, so it stays in `detail` for code that knows the table.
package struct PostgresError: Error, Sendable, Equatable {
    /// Five characters of SQLSTATE. Class 08 also stands for what happened on this side of the connection.
    package let sqlState: String
    /// The server's primary message; quoted values of data errors are taken out.
    package let message: String
    /// The server's detail. May hold row values, and so secrets: not for logs.
    package let detail: String?
    package let constraint: String?
    package let table: String?

    package init(
        sqlState: String, message: String, detail: String? = nil, constraint: String? = nil,
        table: String? = nil
    ) {
        self.sqlState = sqlState
        self.message = sqlState.hasPrefix("22") ? withoutQuotedText(message) : message
        self.detail = detail
        self.constraint = constraint
        self.table = table
    }

    package var isUniqueViolation: Bool { sqlState == "23505" }
    package var isForeignKeyViolation: Bool { sqlState == "23503" }
    package var isCheckViolation: Bool { sqlState == "23514" }
    /// Another transaction was in the way; the whole transaction may be run again.
    package var isSerializationFailure: Bool { sqlState == "40001" || sqlState == "40P01" }
    /// The statement ran into `statement_timeout` or was cancelled.
    package var isQueryCanceled: Bool { sqlState == "57014" }
    /// The connection is gone, or none could be had. A statement under way may or may not have committed.
    package var isConnectionFailure: Bool {
        sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03", "57P05", "25P03", "53300"].contains(sqlState)
    }
    /// The statement fails for a value in it, or for a row that it meets: out of range, against a
    /// constraint, or too large for an index. The same again fails again, and without that value the rest
    /// does not.
    package var isOfData: Bool {
        sqlState.hasPrefix("22") || sqlState.hasPrefix("23") || sqlState.hasPrefix("54")
    }
    /// No connection of the pool came free within the wait limit. Nothing was sent.
    package var isPoolExhausted: Bool { sqlState == PostgresError.poolExhausted }

    static let poolExhausted = "53P00"
    static let connectionFailure = "08006"
    /// Of a pool that was closed: the service is ending.
    static let noConnection = "08003"
    static let cannotConnect = "08001"
    static let clientMisuse = "XX000"
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        let place = constraint.map { " [\($0)]" } ?? ""
        return "PostgreSQL \(sqlState): \(message)\(place)"
    }

    /// The same as `description`, so that printing a structure that holds the error shows no detail either.
    package var debugDescription: String { description }
}

/// Errors of class 22 quote the value they could not read: `invalid input syntax for type uuid: "..."`.
private func withoutQuotedText(_ message: String) -> String {
    guard let start = message.firstIndex(of: "\""), let end = message.lastIndex(of: "\""), start < end else {
        return message
    }
    return message[..<start] + "(value)" + message[message.index(after: end)...]
}
