import FoundationEssentials
import Postgres
import Providers

/// What the platform has created, or was about to create, at its providers.
///
/// A row is written before the call that creates the resource, so that a crash between the two leaves a
/// trace; teardown and the leak report read these rows.
package struct ResourceLedger: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case instance, volume, snapshot, tunnel
        case tunnelConfiguration = "tunnel_configuration"
        case dnsRecord = "dns_record"
        // Not created by this version: tenants share a security group, and need no parameter or tag.
        case securityGroupRule = "security_group_rule"
        case parameter
        case imageTag = "image_tag"
    }

    package struct Entry: Sendable {
        package var kind: Kind
        package var intentID: String
        package var providerID: String?
        package var place: String
        package var state: String
        package var attempts: Int
        var lastOperation: String?
        var lastRequestID: String?
        var lastError: String?
        var lastCallAt: Date?
        /// Since the row was last written.
        var unchangedSeconds: Double

        package init(
            kind: Kind, intentID: String, providerID: String? = nil, place: String, state: String,
            attempts: Int, lastOperation: String? = nil, lastRequestID: String? = nil,
            lastError: String? = nil, lastCallAt: Date? = nil, unchangedSeconds: Double
        ) {
            self.kind = kind
            self.intentID = intentID
            self.providerID = providerID
            self.place = place
            self.state = state
            self.attempts = attempts
            self.lastOperation = lastOperation
            self.lastRequestID = lastRequestID
            self.lastError = lastError
            self.lastCallAt = lastCallAt
            self.unchangedSeconds = unchangedSeconds
        }
    }

    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func intend(_ kind: Kind, intentID: String, org: UUID, place: String) async throws {
        try await database.execute(
            """
            INSERT INTO resource_ledger (org_id, kind, intent_id, state, place)
            VALUES (\(org), \(kind.rawValue), \(intentID), 'intended', \(place))
                ON CONFLICT (kind, intent_id) DO UPDATE SET state = 'intended', provider_id = NULL,
                    place = EXCLUDED.place, updated_at = now()
                WHERE resource_ledger.state = 'deleted'
            """)
    }

    package func created(_ kind: Kind, intentID: String, providerID: String, _ call: CallRecord?) async throws
    {
        try await database.execute(
            """
            UPDATE resource_ledger SET provider_id = \(providerID), state = 'live',
                attempts = attempts + 1, last_operation = \(call?.operation),
                last_request_id = \(call?.requestID), last_error = NULL, last_call_at = now(),
                updated_at = now()
            WHERE kind = \(kind.rawValue) AND intent_id = \(intentID) AND state <> 'deleted'
            """)
    }

    /// A call that was to create the resource failed; it may have taken effect all the same.
    package func failed(_ kind: Kind, intentID: String, _ error: ProviderError) async throws {
        try await database.execute(
            """
            UPDATE resource_ledger SET attempts = attempts + 1,
                last_operation = \("\(error.service) \(error.operation)"),
                last_request_id = \(error.requestID), last_error = \("\(error)"), last_call_at = now(),
                updated_at = now()
            WHERE kind = \(kind.rawValue) AND intent_id = \(intentID) AND state <> 'deleted'
            """)
    }

    package func deleted(_ kind: Kind, org: UUID) async throws {
        try await database.execute(
            """
            UPDATE resource_ledger SET state = 'deleted', updated_at = now()
            WHERE kind = \(kind.rawValue) AND org_id = \(org) AND state <> 'deleted'
            """)
    }

    /// Everything of the organisation that is not known to be gone.
    package func remaining(org: UUID) async throws -> [Entry] {
        let rows = try await database.query(
            """
            SELECT kind, intent_id, provider_id, place, state, attempts, last_operation, last_request_id,
                last_error, last_call_at, extract(epoch FROM now() - updated_at)::float8 AS unchanged
            FROM resource_ledger WHERE org_id = \(org) AND state <> 'deleted' ORDER BY id
            """)
        return try rows.map { row in
            Entry(
                kind: try row.decode("kind", as: Kind.self),
                intentID: try row["intent_id", as: String.self],
                providerID: try row["provider_id", as: String?.self],
                place: try row["place", as: String.self],
                state: try row["state", as: String.self], attempts: try row["attempts", as: Int.self],
                lastOperation: try row["last_operation", as: String?.self],
                lastRequestID: try row["last_request_id", as: String?.self],
                lastError: try row["last_error", as: String?.self],
                lastCallAt: try row["last_call_at", as: Date?.self],
                unchangedSeconds: try row["unchanged", as: Double.self])
        }
    }

    /// The purge record keeps nothing of what the organisation had, but a snapshot that is retained.
    package func forget(org: UUID, keepingSnapshot: Bool = false) async throws {
        try await database.execute(
            """
            DELETE FROM resource_ledger
            WHERE org_id = \(org) AND NOT (\(keepingSnapshot) AND kind = 'snapshot' AND state = 'live')
            """)
    }
}
