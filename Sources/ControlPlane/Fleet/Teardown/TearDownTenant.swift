import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// Takes away everything that the platform has created for an organisation.
///
/// A delete and a failed provisioning both end here. It reads the resource ledger and asks the providers by
/// tag, hostname and name, so that it also finds what a lost reply left unrecorded. Where the plan says so,
/// a snapshot of the volume is kept for some days; `restore` brings the tenant back from it.
package struct TearDownTenant: Sendable {
    package static let kind = "tear_down_tenant"

    package struct Input: Codable, Sendable {
        package var orgID: UUID
        package var slug: String
        /// Nothing is kept, whatever the plan says: the organisation asked for its erasure.
        package var isErasure: Bool?

        package init(orgID: UUID, slug: String, isErasure: Bool? = nil) {
            self.orgID = orgID
            self.slug = slug
            self.isErasure = isErasure
        }
    }

    package let fleet: FleetContext
    package let input: Input

    /// What was created must go, however long a provider is away: a day of patience, then a person is needed.
    package static let patience: Duration = .seconds(86_400)
    package static let persistent = RetryPolicy(
        attempts: 10_000, base: .milliseconds(500), cap: .seconds(60), deadline: patience)
    /// What changes a tenant from its first step on. A change of its instance's type is not among them: that
    /// mostly waits for its turn.
    static let working = [
        kind, ProvisionTenant.kind, RedeployTenant.kind, RepairTenant.kind, MendTenant.kind,
    ]
    /// What may still be at work on a tenant whose teardown begins.
    package static let others = working.filter { $0 != kind } + [ResizeTenant.kind]

    package var ledger: ResourceLedger { ResourceLedger(database: fleet.database) }

    package func run(_ context: WorkflowContext) async throws {
        try await revokeCredentials(context)
        try await awaitQuiet(context)
        try await learnInstance(context)

        let keptDays = try await keepSnapshot(context)
        try await terminateInstances(context)
        try await deleteDNSRecords(context)
        try await deleteTunnel(context)
        if keptDays == 0 { try await deleteEarlierSnapshot(context) }

        try await endBilling(context)
        try await close(context, keptDays: keptDays)
    }

    private func revokeCredentials(_ context: WorkflowContext) async throws {
        try await context.transaction("revoke_credentials") { transaction in
            try await TenantStore(database: transaction).revokeCredentials(org: input.orgID)
        }
    }

    /// A cancelled provisioning or redeploy may still be inside a call; it ends at its next step.
    private func awaitQuiet(_ context: WorkflowContext) async throws {
        for kind in Self.others {
            try await context.wait(
                "\(kind)_ended", deadline: Self.patience, poll: .milliseconds(250),
                until: { try await !fleet.engine.isLive(kind: kind, subject: input.orgID.text) })
        }
    }

    /// Nobody is charged for what is gone. A tenant that only failed to be provisioned stays paid for: it can
    /// be launched anew.
    private func endBilling(_ context: WorkflowContext) async throws {
        let isLeaving = try await context.transaction("decide_end_of_billing") { transaction in
            try await OrgStore(database: transaction).find(id: input.orgID)?.status == .deprovisioning
        }
        guard isLeaving else { return }
        try await fleet.billing.end(org: input.orgID, step: "end_billing", context, fleet)
    }

    private func deleteDNSRecords(_ context: WorkflowContext) async throws {
        try await context.step("delete_dns_records", retry: Self.persistent) { _ in
            for record in try await intents(of: .dnsRecord) {
                let cloudflare = try fleet.cloudflare.at(zoneID: record.place)
                try await delete(
                    record,
                    find: {
                        try await cloudflare.findDNSRecords(name: record.intentID)
                            .filter { $0.isOwned(by: input.orgID, record) }.map(\.id)
                    }, delete: { try await cloudflare.deleteDNSRecord(id: $0) })
            }
        }
        try await recordDeleted(.dnsRecord, context)
    }

    private func deleteTunnel(_ context: WorkflowContext) async throws {
        try await context.step("delete_tunnel", retry: Self.persistent) { _ in
            for tunnel in try await intents(of: .tunnel) {
                let cloudflare = try fleet.cloudflare.at(accountID: tunnel.place)
                try await delete(
                    tunnel,
                    find: {
                        try await cloudflare.findTunnel(name: tunnel.intentID).map { [$0.id] } ?? []
                    },
                    delete: { id in
                        try await cloudflare.deleteTunnelConnections(id: id)
                        try await cloudflare.deleteTunnel(id: id)
                    })
            }
        }
        try await recordDeleted(.tunnelConfiguration, context)
        try await recordDeleted(.tunnel, context)
    }

    /// How often a look may still show what was deleted, before the step is tried again later.
    private static let maximumLooks = 3

    /// Neither an empty look nor a 404 is proof, as a provider may not show yet what it has: deleted is what
    /// was deleted by the id in the ledger and by every id that a look shows, until a look shows none.
    private func delete(
        _ resource: ResourceLedger.Entry, find: () async throws -> [String],
        delete: (String) async throws -> Void
    ) async throws {
        var known = resource.providerID
        for _ in 0..<Self.maximumLooks {
            let ids = Set(try await find() + (known.map { [$0] } ?? []))
            if ids.isEmpty { return }
            for id in ids.sorted() { try await delete(id) }
            known = nil
        }
        throw StillThere(what: "\(resource.kind.rawValue) \(resource.intentID)")
    }

    private struct StillThere: Error, CustomStringConvertible {
        var what: String
        var description: String { "\(what) was deleted, and is still shown" }
    }

    func intents(of kind: ResourceLedger.Kind) async throws -> [ResourceLedger.Entry] {
        try await ledger.remaining(org: input.orgID).filter { $0.kind == kind }
    }

    func recordDeleted(_ kind: ResourceLedger.Kind, _ context: WorkflowContext) async throws {
        try await context.transaction("deleted_\(kind.rawValue)") { transaction in
            try await ResourceLedger(database: transaction).deleted(kind, org: input.orgID)
        }
    }
}

extension DNSRecord {
    /// By its id, or by what it says of its owner: another's record of the same name is left alone.
    fileprivate func isOwned(by org: UUID, _ intent: ResourceLedger.Entry) -> Bool {
        id == intent.providerID || comment?.hasSuffix("org \(org.text)") == true
    }
}
