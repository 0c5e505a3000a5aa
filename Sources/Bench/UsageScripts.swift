import Foundation
import Postgres

/// The same rows by other ways.
enum UsageScripts {
    /// Ids that nobody has, then the rows of those that were new: what the service does without its streams,
    /// its sums and its judgement.
    static func batch(_ size: Int) -> String {
        """
        WITH ids AS (
            INSERT INTO usage_event_ids (org, id)
            SELECT 1, (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
                || '7' || substr(md5(n::text || random()), 1, 19))::uuid
            FROM generate_series(1, \(size)) n ON CONFLICT DO NOTHING RETURNING org, id)
        INSERT INTO usage_events (occurred_at, millicredits, id, workspace_id, org, model, input_tokens,
            output_tokens, cached_tokens, reasoning_tokens)
        SELECT now(), 1200000, id, '00000000-0000-4000-9000-000000000001', org, 1, 1000, 200, 0, 0 FROM ids;
        """
    }
}

extension BenchDatabase {
    private static let columns = [
        "occurred_at", "millicredits", "id", "workspace_id", "org", "model", "input_tokens", "output_tokens",
        "cached_tokens", "reasoning_tokens",
    ]

    /// Rows a second of one COPY into a table of the same shape, without the index of ids.
    func copyUsage() async throws -> Double {
        let rows = try await pool.query(
            """
            SELECT occurred_at::text AS occurred_at, millicredits, id, workspace_id, org, model, input_tokens,
                output_tokens, cached_tokens, reasoning_tokens
            FROM usage_events LIMIT 200000
            """)
        try await pool.execute("CREATE TABLE usage_copy (LIKE usage_events)")
        let values: [[any PostgresBindable]] = try rows.map { row in
            [
                try row["occurred_at", as: String.self], try row["millicredits", as: Int.self],
                try row["id", as: UUID.self], try row["workspace_id", as: UUID.self],
                try row["org", as: Int.self], try row["model", as: Int.self],
                try row["input_tokens", as: Int.self], try row["output_tokens", as: Int.self],
                try row["cached_tokens", as: Int.self], try row["reasoning_tokens", as: Int.self],
            ]
        }
        let start = ContinuousClock.now
        let count = try await pool.copy(into: "usage_copy", columns: Self.columns, rows: values)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        try await pool.execute("DROP TABLE usage_copy")
        return Double(count) / elapsed
    }

    /// What an event costs on the disk, as a text.
    func usageBytes() async throws -> String {
        let row = try await pool.query(
            """
            SELECT (SELECT sum(pg_relation_size(inhrelid)) FROM pg_inherits
                    WHERE inhparent = 'usage_events'::regclass)::bigint AS rows,
                pg_relation_size('usage_event_ids') AS ids, pg_indexes_size('usage_event_ids') AS index,
                (SELECT count(*) FROM usage_event_ids) AS n
            """)[0]
        let count = Double(try row["n", as: Int.self])
        func each(_ column: String) throws -> String {
            (Double(try row[column, as: Int.self]) / count).figure
        }
        return "\(try each("rows")) of its row, until its month is dropped; \(try each("ids")) of its id and "
            + "\(try each("index")) of the index, for ever"
    }
}
