import FoundationEssentials
import Postgres

/// What the platform has created, or was about to create, at its providers.
///
/// A row is written before the call that creates the resource, so that a crash between the two leaves a
/// trace; teardown and the leak report read these rows.
struct ResourceLedger: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case instance, tunnel
        case tunnelConfiguration = "tunnel_configuration"
        case dnsRecord = "dns_record"
    }

    struct Entry: Sendable {
        var kind: Kind
        var intentID: String
        var providerID: String?
        /// Since the row was last written.
        var unchangedSeconds: Double
    }

    let database: any PostgresExecutor

    func intend(_ kind: Kind, intentID: String, org: UUID) async throws {
        try await database.execute(
            """
            INSERT INTO resource_ledger (org_id, kind, intent_id, state)
            VALUES (\(org), \(kind.rawValue), \(intentID), 'intended')
                ON CONFLICT (kind, intent_id) DO NOTHING
            """)
    }

    func created(_ kind: Kind, intentID: String, providerID: String) async throws {
        try await database.execute(
            """
            UPDATE resource_ledger SET provider_id = \(providerID), state = 'live', updated_at = now()
            WHERE kind = \(kind.rawValue) AND intent_id = \(intentID) AND state <> 'deleted'
            """)
    }

    func deleted(_ kind: Kind, org: UUID) async throws {
        try await database.execute(
            """
            UPDATE resource_ledger SET state = 'deleted', updated_at = now()
            WHERE kind = \(kind.rawValue) AND org_id = \(org) AND state <> 'deleted'
            """)
    }

    /// Everything of the organisation that is not known to be gone.
    func remaining(org: UUID) async throws -> [Entry] {
        let rows = try await database.query(
            """
            SELECT kind, intent_id, provider_id, extract(epoch FROM now() - updated_at)::float8 AS unchanged
            FROM resource_ledger WHERE org_id = \(org) AND state <> 'deleted' ORDER BY id
            """)
        return try rows.map { row in
            Entry(
                kind: try row.decode("kind", as: Kind.self),
                intentID: try row["intent_id", as: String.self],
                providerID: try row["provider_id", as: String?.self],
                unchangedSeconds: try row["unchanged", as: Double.self])
        }
    }

    /// The purge record keeps nothing of what the organisation had.
    func forget(org: UUID) async throws {
        try await database.execute("DELETE FROM resource_ledger WHERE org_id = \(org)")
    }
}
