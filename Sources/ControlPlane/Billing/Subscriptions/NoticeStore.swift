import FoundationEssentials
import Postgres

/// The rows of `billing_notices`: what an organisation was told about its payments.
struct NoticeStore: Sendable {
    let database: any PostgresExecutor

    /// Each once for one failure.
    func record(_ notices: [Dunning.Notice], org: UUID, failingSince: Date) async throws {
        for notice in notices {
            try await database.execute(
                """
                INSERT INTO billing_notices (org_id, failing_since, kind)
                VALUES (\(org), \(failingSince), \(notice.rawValue)) ON CONFLICT DO NOTHING
                """)
        }
    }

    /// Newest first.
    func list(org: UUID, limit: Int) async throws -> [BillingNotice] {
        try await database.query(
            """
            SELECT kind, created_at FROM billing_notices WHERE org_id = \(org)
            ORDER BY created_at DESC, kind LIMIT \(limit)
            """
        ).map(BillingNotice.init)
    }
}

package struct BillingNotice: Sendable, Encodable {
    package var kind: Dunning.Notice
    package var at: Date

    package init(_ row: Row) throws {
        kind = try row.decode("kind", as: Dunning.Notice.self)
        at = try row["created_at", as: Date.self]
    }
}
