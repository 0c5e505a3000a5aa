import CPostgres

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Owns a PGresult. Read-only after it was fetched, and libpq's getters do not write: safe to share.
final class ResultSet: @unchecked Sendable {
    let handle: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    init(_ handle: OpaquePointer) {
        self.handle = handle
        rowCount = Int(PQntuples(handle))
        columnCount = Int(PQnfields(handle))
    }

    deinit { PQclear(handle) }

    var rows: [Row] { (0..<rowCount).map { Row(result: self, index: Int32($0)) } }

    /// Rows inserted, updated, deleted or selected, from the command tag.
    var affected: Int { PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }

    var commandTag: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

    func column(_ name: String) -> Int32? {
        name.withCString { wanted in
            for column in 0..<Int32(columnCount) where strcmp(PQfname(handle, column), wanted) == 0 {
                return column
            }
            return nil
        }
    }

    /// The error of a failed result, or nil for a successful one.
    var error: PostgresError? {
        switch PQresultStatus(handle) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_COPY_IN: return nil
        default: break
        }
        func field(_ code: Int32) -> String? { PQresultErrorField(handle, code).map { String(cString: $0) } }
        return PostgresError(
            sqlState: field(DiagnosticField.sqlState) ?? PostgresError.connectionFailure,
            message: field(DiagnosticField.message) ?? "the connection to the server was lost",
            detail: field(DiagnosticField.detail), constraint: field(DiagnosticField.constraint),
            table: field(DiagnosticField.table))
    }
}

/// PG_DIAG_* of libpq-fe.h, which are character literals that Swift does not import.
private enum DiagnosticField {
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let detail = Int32(UInt8(ascii: "D"))
    static let constraint = Int32(UInt8(ascii: "n"))
    static let table = Int32(UInt8(ascii: "t"))
}
