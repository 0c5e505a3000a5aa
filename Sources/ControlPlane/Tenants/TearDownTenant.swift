import FoundationEssentials
import Postgres
import Workflows

/// Takes away everything that the platform has created for an organisation.
///
/// A delete and a failed provisioning both end here. It reads the resource ledger and asks the providers by
/// tag, hostname and name, so that it also finds what a lost reply left unrecorded.
struct TearDownTenant: Sendable {
    static let kind = "tear_down_tenant"

    struct Input: Codable, Sendable {
        var orgID: UUID
        var slug: String
    }

    let platform: Platform
    let input: Input

    /// What was created must go, however long a provider is away: a day of patience, then a person is needed.
    static let patience: Duration = .seconds(86_400)
    static let persistent = RetryPolicy(
        attempts: 10_000, base: .milliseconds(500), cap: .seconds(60), deadline: patience)

    func run(_ context: WorkflowContext) async throws {
        try await revokeCredentials(context)
        try await awaitQuiet(context)

        try await terminateInstances(context)
        try await deleteDNSRecords(context)
        try await deleteTunnel(context)

        try await close(context)
    }

    private func revokeCredentials(_ context: WorkflowContext) async throws {
        try await context.transaction("revoke_credentials") { transaction in
            try await TenantStore(database: transaction).revokeCredentials(org: input.orgID)
        }
    }

    /// A cancelled provisioning or redeploy may still be inside a call; it ends at its next step.
    private func awaitQuiet(_ context: WorkflowContext) async throws {
        for kind in [ProvisionTenant.kind, RedeployTenant.kind] {
            try await context.wait(
                "\(kind)_ended", deadline: Self.patience, poll: .milliseconds(250),
                until: { try await !platform.engine.isLive(kind: kind, subject: input.orgID.text) })
        }
    }

    private func terminateInstances(_ context: WorkflowContext) async throws {
        try await outwaitVisibility(context)
        try await context.wait(
            "instances_gone", deadline: Self.patience, poll: .seconds(1),
            until: {
                let tag = EC2Filter(name: "tag:\(Launch.orgTag)", values: [input.orgID.text])
                let living = try await platform.ec2.describeInstances(filters: [tag])
                    .filter { $0.state != "terminated" }
                let running = living.filter { $0.state != "shutting-down" }.map(\.id)
                if !running.isEmpty { try await platform.ec2.terminateInstances(ids: running) }
                return living.isEmpty
            })
        try await recordDeleted(.instance, context)
    }

    /// A launch whose answer was lost, or came only just now, may have made an instance that the provider
    /// does not show yet. Provisioning has ended here, so nothing new appears after this time.
    private func outwaitVisibility(_ context: WorkflowContext) async throws {
        let visibility = platform.configuration.deadlines.visibility
        let mayBeHidden = try await context.step("look_for_recent_launch", retry: Self.persistent) { _ in
            try await ResourceLedger(database: platform.database).remaining(org: input.orgID).contains {
                $0.kind == .instance
                    && ($0.providerID == nil || .seconds($0.unchangedSeconds) <= visibility)
            }
        }
        if mayBeHidden { try await context.sleep("outwait_visibility", visibility) }
    }

    private func deleteDNSRecords(_ context: WorkflowContext) async throws {
        try await context.step("delete_dns_records", retry: Self.persistent) { _ in
            for hostname in try await intents(of: .dnsRecord) {
                for record in try await platform.cloudflare.findDNSRecords(name: hostname) {
                    try await platform.cloudflare.deleteDNSRecord(id: record.id)
                }
            }
        }
        try await recordDeleted(.dnsRecord, context)
    }

    private func deleteTunnel(_ context: WorkflowContext) async throws {
        try await context.step("delete_tunnel", retry: Self.persistent) { _ in
            for name in try await intents(of: .tunnel) {
                guard let tunnel = try await platform.cloudflare.findTunnel(name: name) else { continue }
                try await platform.cloudflare.deleteTunnelConnections(id: tunnel.id)
                try await platform.cloudflare.deleteTunnel(id: tunnel.id)
            }
        }
        try await recordDeleted(.tunnelConfiguration, context)
        try await recordDeleted(.tunnel, context)
    }

    private func intents(of kind: ResourceLedger.Kind) async throws -> [String] {
        try await ResourceLedger(database: platform.database).remaining(org: input.orgID)
            .filter { $0.kind == kind }.map(\.intentID)
    }

    private func recordDeleted(_ kind: ResourceLedger.Kind, _ context: WorkflowContext) async throws {
        try await context.transaction("deleted_\(kind.rawValue)") { transaction in
            try await ResourceLedger(database: transaction).deleted(kind, org: input.orgID)
        }
    }

    /// A deleted organisation is purged; a failed one keeps its reason, for a person to read.
    private func close(_ context: WorkflowContext) async throws {
        try await context.transaction("close") { transaction in
            let orgs = OrgStore(database: transaction)
            guard try await orgs.find(id: input.orgID)?.status == .deprovisioning else { return }
            try await TenantStore(database: transaction).delete(org: input.orgID)
            try await ResourceLedger(database: transaction).forget(org: input.orgID)
            try await orgs.markPurged(id: input.orgID)
        }
    }
}
