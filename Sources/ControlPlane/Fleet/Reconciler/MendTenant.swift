import FoundationEssentials
import Postgres
import Providers
import Workflows

/// Puts right what the reconciler found to have drifted on a running tenant, as far as that is safe: starts a
/// stopped instance, puts back its DNS record and its tunnel's settings. A workflow, so that a teardown
/// cancels it and waits for its end, and nothing comes back behind a delete.
struct MendTenant: Sendable {
    static let kind = "mend_tenant"

    package struct Input: Codable, Sendable {
        package var orgID: UUID
        package var slug: String
        var drifts: [Finding.Code]

        package init(orgID: UUID, slug: String, drifts: [Finding.Code]) {
            self.orgID = orgID
            self.slug = slug
            self.drifts = drifts
        }
    }

    let fleet: FleetContext
    let input: Input

    private var ledger: ResourceLedger { ResourceLedger(database: fleet.database) }

    func run(_ context: WorkflowContext) async throws {
        let tenant = try await TenantStore(database: fleet.database).require(org: input.orgID)
        guard let launch = tenant.launch else { return }
        if input.drifts.contains(.instanceStopped), let id = tenant.instanceID {
            try await start(context, tenant, id)
        }
        guard let tunnelID = tenant.tunnelID else { return }
        if !input.drifts.allSatisfy({ $0 == .instanceStopped }) {
            try await route(context, launch, tunnelID)
        }
        if input.drifts.contains(.recordMissing) || input.drifts.contains(.recordWrong) {
            try await point(context, launch, tunnelID)
        }
    }

    private func start(_ context: WorkflowContext, _ tenant: Tenant, _ id: String) async throws {
        let intent = tenant.launchID.text
        try await context.create("start_instance", .instance, intent) { _ in
            try await fleet.ec2.startInstances(ids: [id])
            return (id, providerID: id)
        }
    }

    private func route(_ context: WorkflowContext, _ launch: Launch, _ tunnelID: String) async throws {
        let cloudflare = try fleet.cloudflare.at(
            accountID: launch.cloudflareAccountID, zoneID: launch.cloudflareZoneID)
        try await intend(.tunnelConfiguration, launch.tunnelName, cloudflare.accountID, context)
        try await context.create("route_tunnel", .tunnelConfiguration, launch.tunnelName) { _ in
            try await cloudflare.putTunnelConfiguration(
                id: tunnelID, hostname: launch.hostname, service: ProvisionTenant.tenantService)
            return (tunnelID, providerID: tunnelID)
        }
    }

    private func point(_ context: WorkflowContext, _ launch: Launch, _ tunnelID: String) async throws {
        let cloudflare = try fleet.cloudflare.at(
            accountID: launch.cloudflareAccountID, zoneID: launch.cloudflareZoneID)
        try await intend(.dnsRecord, launch.hostname, cloudflare.zoneID, context)
        try await context.create("point_record", .dnsRecord, launch.hostname) { _ in
            let id = try await record(launch, content: "\(tunnelID).cfargotunnel.com", cloudflare)
            return (id, providerID: id)
        }
    }

    /// Another's record of the same name is left alone.
    private func record(
        _ launch: Launch, content: String, _ cloudflare: CloudflareClient
    ) async throws -> String {
        let comment = launch.recordComment(orgID: input.orgID)
        guard let existing = try await cloudflare.findDNSRecords(name: launch.hostname).first else {
            return try await cloudflare.createDNSRecord(
                type: "CNAME", name: launch.hostname, content: content, proxied: true, comment: comment
            ).id
        }
        guard existing.comment == comment else {
            throw PermanentFailure(
                code: "record_of_another",
                message: "\(launch.hostname) has a record that is not this platform's. Remove it by hand.")
        }
        return try await cloudflare.patchDNSRecord(id: existing.id, content: content, proxied: true).id
    }

    private func intend(
        _ kind: ResourceLedger.Kind, _ intentID: String, _ place: String, _ context: WorkflowContext
    ) async throws {
        try await context.transaction("intend_\(kind.rawValue)") { transaction in
            try await ResourceLedger(database: transaction).intend(
                kind, intentID: intentID, org: input.orgID, place: place)
        }
    }
}
