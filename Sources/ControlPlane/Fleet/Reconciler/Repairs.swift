import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// Does what a plan says. One failure does not keep the rest from being done; it is written to its finding.
struct Repairs: Sendable {
    let fleet: FleetContext
    let patience: ProviderPatience

    private var store: ReconcilerStore { ReconcilerStore(database: fleet.database) }

    /// - Parameter leftAlone: findings of which no row could be written.
    /// - Returns: how many things were done.
    func carryOut(_ plan: Plan, without leftAlone: Set<Finding.Key>) async throws -> Int {
        let all = plan.items.filter { !leftAlone.contains($0.finding.key) }
        let mends = Dictionary(grouping: all.filter { $0.action == .mend }, by: \.finding.orgID)
        var done = 0
        for (org, items) in mends {
            guard let org else { continue }
            done += try await attempt(items) { try await mend(org, items) }
        }
        let there = try await there(plan)
        for item in all where item.action.isActive && item.action != .mend {
            done += try await attempt([item]) { try await carryOut(item, there) }
        }
        return done
    }

    /// What a second look finds, before anything is taken for gone: a provider's list may lack for a moment
    /// what is there.
    private func there(_ plan: Plan) async throws -> Set<String> {
        guard plan.items.contains(where: { $0.action == .markGone }) else { return [] }
        return Set(try await CloudReading(fleet: fleet).read(patience).map(\.id))
    }

    private func attempt(_ items: [Plan.Item], _ body: () async throws -> Void) async throws -> Int {
        try await patience.beforeWait()
        var failure: String?
        do {
            try await body()
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            failure = (error as? ProviderError)?.description ?? (error as? AppError)?.message ?? "\(error)"
        }
        for item in items {
            do {
                try await store.acted(item, error: failure)
                if failure == nil { try await record(item) }
            } catch let error as PostgresError where error.isOfData {
                fleet.logger.error(
                    "repair not recorded",
                    metadata: ["resource": "\(item.finding.resource)", "error": "\(error)"])
            }
        }
        return failure == nil ? items.count : 0
    }

    private func record(_ item: Plan.Item) async throws {
        let finding = item.finding
        try await AuditLog(database: fleet.database).record(
            AuditEvent(
                action: "reconciler.acted", org: finding.orgID, subject: finding.resource,
                after: [
                    "action": .string(item.action.rawValue), "code": .string(finding.code.rawValue),
                    "kind": .string(finding.kind.rawValue),
                ]),
            by: .service("reconciler"))
    }

    /// The organisation's row is locked: a delete either sees this workflow, or has begun already.
    private func mend(_ org: UUID, _ items: [Plan.Item]) async throws {
        let slug = items[0].finding.slug ?? ""
        try await fleet.database.transaction { transaction in
            let running = try await transaction.query(
                """
                SELECT 1 AS one FROM orgs WHERE id = \(org) AND status IN ('running', 'suspended')
                FOR UPDATE
                """)
            guard !running.isEmpty else { return }
            // One that is stopped to get another type starts again by itself.
            try await TenantStore(database: transaction).requireNoResize(org: org)
            do {
                try await fleet.engine.start(
                    MendTenant.kind, subject: org.text,
                    input: MendTenant.Input(orgID: org, slug: slug, drifts: items.map(\.finding.code)),
                    in: transaction)
            } catch is WorkflowConflict {
                return
            }
        }
    }

    private func carryOut(_ item: Plan.Item, _ there: Set<String>) async throws {
        let finding = item.finding
        switch item.action {
        case .quarantine: try await quarantine(finding)
        case .unquarantine:
            try await patience.call {
                try await fleet.ec2.deleteTags(
                    resources: [finding.resource], keys: [ResourceTag.quarantinedAt])
            }
        case .markGone:
            guard !there.contains(finding.resource) else {
                throw AppError(
                    .conflict, "not_gone", "The provider's list did not show it, and shows it again.")
            }
            try await markGone(finding)
        case .delete:
            try await patience.call { try await delete(finding) }
            try await markGone(finding)
        case .mend, .wait, .refuse, .person: break
        }
    }

    /// At EC2 a tag says so as well: it outlives this database.
    private func quarantine(_ finding: Finding) async throws {
        guard [.instance, .volume, .snapshot].contains(finding.kind) else { return }
        let now = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        try await patience.call {
            try await fleet.ec2.createTags(
                resources: [finding.resource], tags: [ResourceTag.quarantinedAt: now])
        }
    }

    private func delete(_ finding: Finding) async throws {
        let id = finding.resource
        switch finding.kind {
        case .instance: try await fleet.ec2.terminateInstances(ids: [id])
        case .volume: try await fleet.ec2.deleteVolume(id: id)
        case .snapshot: try await fleet.ec2.deleteSnapshot(id: id)
        case .tunnel:
            let cloudflare = try fleet.cloudflare.at(accountID: finding.place)
            try await cloudflare.deleteTunnelConnections(id: id)
            try await cloudflare.deleteTunnel(id: id)
        case .dnsRecord:
            try await fleet.cloudflare.at(zoneID: finding.place).deleteDNSRecord(id: id)
        case .tunnelConfiguration, .securityGroupRule, .parameter, .imageTag: break
        }
    }

    private func markGone(_ finding: Finding) async throws {
        try await ResourceLedger(database: fleet.database).gone(
            finding.kind, providerID: finding.resource)
    }
}

extension ResourceLedger {
    /// The provider has it no more.
    package func gone(_ kind: Kind, providerID: String) async throws {
        try await database.execute(
            """
            UPDATE resource_ledger SET state = 'deleted', last_operation = 'reconciler', updated_at = now()
            WHERE kind = \(kind.rawValue) AND provider_id = \(providerID) AND state <> 'deleted'
            """)
    }
}
