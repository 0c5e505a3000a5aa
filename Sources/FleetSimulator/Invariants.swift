import Fleet
import FoundationEssentials
import Postgres

/// What must hold when everything has ended: the cloud, the edge and the tables say the same.
struct Invariants: Sendable {
    static let rules = [
        "one instance", "one tunnel", "one DNS record", "one live credential", "nothing after the end",
        "no needless RunInstances", "nothing stuck", "every org ended", "failed for a reason",
    ]

    private struct Tenant {
        var slug: String
        var org: String
        var status: String
        var failure: String?
        /// nil without a row.
        var instance: String?
        var adminToken: [UInt8]?
        var hasBootToken: Bool
        var ledger: Int
    }

    let world: World
    let clock: VirtualClock

    func check() async throws {
        let tunnels = Dictionary(grouping: world.cloudflare.allTunnels) { Self.slug(ofTunnel: $0.name) }
        let records = Dictionary(grouping: world.cloudflare.allRecords) {
            String($0.name.prefix { $0 != "." })
        }
        var known: Set<String> = []
        for tenant in try await tenants() {
            known.insert(tenant.slug)
            let instances = world.ec2.living(org: tenant.org).map(\.id)
            let found = (instances, tunnels[tenant.slug] ?? [], records[tenant.slug] ?? [])
            switch tenant.status {
            case "running": checkRunning(tenant, found.0, found.1.count, found.2.count)
            case "failed", "purged", "retained":
                checkEnded(tenant, found.0.count, found.1.count, found.2.count)
            default:
                violated("every org ended", tenant.slug, "it is still \(tenant.status)")
            }
        }
        for slug in Set(tunnels.keys).union(records.keys).subtracting(known).sorted() {
            violated("nothing after the end", slug, "a tunnel or a record belongs to nobody")
        }
        try await checkWorkflows()
    }

    private func checkRunning(_ tenant: Tenant, _ instances: [String], _ tunnels: Int, _ records: Int) {
        if instances.count != 1 || instances.first != tenant.instance {
            violated(
                "one instance", tenant.slug, "\(instances) in the cloud, \(tenant.instance ?? "none") known")
        }
        if tunnels != 1 { violated("one tunnel", tenant.slug, "\(tunnels)") }
        if records != 1 { violated("one DNS record", tenant.slug, "\(records)") }
        let isLive = tenant.adminToken != nil && tenant.adminToken == world.credential(tenant.slug)?.bytes
        if !isLive || tenant.hasBootToken {
            violated(
                "one live credential", tenant.slug, tenant.hasBootToken ? "the boot token opens" : "another")
        }
    }

    private func checkEnded(_ tenant: Tenant, _ instances: Int, _ tunnels: Int, _ records: Int) {
        if instances + tunnels + records > 0 {
            violated(
                "nothing after the end", tenant.slug,
                "\(instances) instances, \(tunnels) tunnels, \(records) records of a \(tenant.status) org")
        }
        if tenant.ledger > 0 {
            violated("nothing after the end", tenant.slug, "\(tenant.ledger) in the ledger")
        }
        if tenant.adminToken != nil || tenant.hasBootToken {
            violated("one live credential", tenant.slug, "a \(tenant.status) org has one")
        }
        if tenant.status == "failed", !world.isDoomed(tenant.slug) {
            violated("failed for a reason", tenant.slug, tenant.failure ?? "no reason")
        }
    }

    private func checkWorkflows() async throws {
        let rows = try await clock.query(
            """
            SELECT w.kind, w.state, w.waiting_for, w.failure_code, w.last_error, o.slug
            FROM workflows w JOIN orgs o ON o.id::text = w.subject
            WHERE w.state IN ('waiting', 'running')
                OR (w.state = 'failed' AND w.kind = \(TearDownTenant.kind))
            ORDER BY o.slug
            """)
        for row in rows {
            let last = try row["last_error", as: String?.self] ?? row["waiting_for", as: String?.self] ?? ""
            violated(
                "nothing stuck", try row["slug"],
                "\(try row["kind", as: String.self]) is \(try row["state", as: String.self]): \(last)")
        }
    }

    private func tenants() async throws -> [Tenant] {
        let rows = try await clock.query(
            """
            SELECT o.slug, o.id::text AS id, o.status, o.failure_code || ': ' || o.failure_message AS failure,
                t.instance_id, t.admin_token_hash, t.boot_token_hash IS NOT NULL AS has_boot_token,
                (SELECT count(*)::int FROM resource_ledger l
                 WHERE l.org_id = o.id AND l.state <> 'deleted' AND o.status <> 'retained') AS ledger
            FROM orgs o LEFT JOIN tenants t ON t.org_id = o.id ORDER BY o.slug
            """)
        return try rows.map { row in
            Tenant(
                slug: try row["slug"], org: try row["id"], status: try row["status"],
                failure: try row["failure"], instance: try row["instance_id"],
                adminToken: try row["admin_token_hash", as: [UInt8]?.self],
                hasBootToken: try row["has_boot_token"], ledger: try row["ledger"])
        }
    }

    private func violated(_ rule: String, _ slug: String, _ detail: String) {
        world.tally.violated(rule, tenant: slug, detail)
    }

    /// `[<platform>-]tenant-<slug>-<launch>`
    private static func slug(ofTunnel name: String) -> String {
        let words = name.split(separator: "-")
        guard let start = words.firstIndex(of: "tenant") else { return name }
        return words[(start + 1)...].dropLast().joined(separator: "-")
    }
}
