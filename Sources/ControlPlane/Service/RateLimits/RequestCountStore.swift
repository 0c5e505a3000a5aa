import Postgres

/// The rows of `request_counts`.
struct RequestCountStore: Sendable {
    let database: any PostgresExecutor

    /// Adds to the buckets of a minute, all in one statement.
    /// - Parameter counts: sorted by bucket, as everybody locks them in that order
    /// - Returns: what all replicas have counted, by bucket
    func add(_ counts: [(bucket: String, count: Int)], minute: Int) async throws -> [String: Int] {
        let rows = try await database.query(
            """
            INSERT INTO request_counts AS known (bucket, minute, count)
            SELECT bucket, \(minute), count
            FROM unnest(\(counts.map(\.bucket)), \(counts.map(\.count))) AS told (bucket, count)
            ORDER BY bucket
            ON CONFLICT (bucket, minute) DO UPDATE SET count = known.count + EXCLUDED.count
            RETURNING bucket, count
            """)
        return try rows.reduce(into: [:]) { totals, row in
            totals[try row["bucket", as: String.self]] = try row["count", as: Int.self]
        }
    }

    func forget(before minute: Int) async throws {
        try await database.execute("DELETE FROM request_counts WHERE minute < \(minute)")
    }
}
