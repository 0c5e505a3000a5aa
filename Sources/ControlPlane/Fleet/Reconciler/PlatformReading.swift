import FoundationEssentials
import Organisations
import Postgres
import Providers

/// One look at the platform's rows, all of the same moment.
struct PlatformReading: Sendable {
    let fleet: FleetContext

    /// Tenants that a workflow changes are left alone; one that only waits for the end of a retention, or to
    /// change an instance's type, changes nothing yet.
    func read() async throws -> PlatformRows {
        try await fleet.database.transaction(.repeatableRead) { transaction in
            let busy = try await transaction.query(
                """
                SELECT DISTINCT subject FROM workflows
                WHERE state IN ('waiting', 'running') AND kind = ANY (\(TearDownTenant.working))
                """)
            let subjects = Set(try busy.map { try $0["subject", as: String.self] })
            return PlatformRows(
                tenants: try await tenants(transaction, busy: subjects), ledger: try await ledger(transaction)
            )
        }
    }

    private func tenants(_ transaction: Transaction, busy: Set<String>) async throws -> [PlatformRows.Tenant]
    {
        let rows = try await transaction.query(
            """
            SELECT o.id, o.slug, o.status, coalesce(o.retained_until > now(), false) AS is_retained,
                t.launch_id, t.launch, t.instance_id, t.tunnel_id, t.snapshot_id, t.image_digest,
                coalesce(t.instance_type, t.launch ->> 'instanceType') AS instance_type,
                t.resize_id IS NOT NULL AS is_resizing,
                extract(epoch FROM now() - coalesce(
                    greatest(t.provisioning_at, t.resized_at), o.updated_at))::float8 AS age,
                (SELECT r.final_digest FROM redeploys r
                    WHERE r.org_id = o.id AND r.phase IN ('updated', 'unchanged')
                        AND r.created_at > t.provisioning_at
                    ORDER BY r.created_at DESC LIMIT 1) AS redeployed
            FROM orgs o LEFT JOIN tenants t ON t.org_id = o.id
            """)
        return try rows.map { try tenant($0, busy) }
    }

    private func tenant(_ row: Row, _ busy: Set<String>) throws -> PlatformRows.Tenant {
        let id = try row["id", as: UUID.self]
        let launch = try row["launch", as: JSON<Launch>?.self]?.value
        let launched = launch.flatMap { ImageReference($0.stack.tenant).digest }
        return PlatformRows.Tenant(
            orgID: id, slug: try row["slug", as: String.self],
            status: try row.decode("status", as: Org.Status.self),
            isRetained: try row["is_retained", as: Bool.self],
            isBusy: try row["is_resizing", as: Bool.self] || busy.contains(id.text),
            launchID: try row["launch_id", as: UUID?.self], hostname: launch?.hostname,
            tunnelName: launch?.tunnelName, accountID: launch?.cloudflareAccountID,
            zoneID: launch?.cloudflareZoneID, instanceID: try row["instance_id", as: String?.self],
            tunnelID: try row["tunnel_id", as: String?.self],
            snapshotID: try row["snapshot_id", as: String?.self],
            instanceType: try row["instance_type", as: String?.self],
            expectedDigest: try row["redeployed", as: String?.self] ?? launched,
            reportedDigest: try row["image_digest", as: String?.self],
            ageSeconds: try row["age", as: Double.self])
    }

    private func ledger(_ transaction: Transaction) async throws -> [PlatformRows.LedgerRow] {
        let rows = try await transaction.query(
            """
            SELECT org_id, kind, intent_id, provider_id, place,
                extract(epoch FROM now() - updated_at)::float8 AS unchanged
            FROM resource_ledger WHERE state = 'live' AND provider_id IS NOT NULL
            """)
        return try rows.map { row in
            PlatformRows.LedgerRow(
                orgID: try row["org_id", as: UUID.self],
                kind: try row.decode("kind", as: ResourceLedger.Kind.self),
                intentID: try row["intent_id", as: String.self],
                providerID: try row["provider_id", as: String.self],
                place: try row["place", as: String.self],
                unchangedSeconds: try row["unchanged", as: Double.self])
        }
    }
}
