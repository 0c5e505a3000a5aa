import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// What a teardown keeps, and how it ends.
extension TearDownTenant {
    /// A snapshot may take this long to complete.
    static let snapshotDeadline: Duration = .seconds(3_600)

    /// - Returns: for how many days the snapshot is kept; 0 when there is none.
    func keepSnapshot(_ context: WorkflowContext) async throws -> Int {
        let days = try await context.transaction("decide_retention") { transaction in
            try await daysToKeep(OrgStore(database: transaction))
        }
        guard days > 0 else { return 0 }
        let volume = try await context.call("find_volume") { _ in
            let (shown, hidden) = try await livingInstances()
            guard hidden.isEmpty else { throw NotShownYet(instances: hidden) }
            return Volume(id: shown.first { !$0.volumeIDs.isEmpty }?.volumeIDs.first)
        }
        guard let volumeID = volume.id else { return try await hasSnapshot() ? days : 0 }
        try await takeSnapshot(of: volumeID, context)
        return days
    }

    private struct Volume: Codable, Sendable {
        var id: String?
    }

    private struct NotShownYet: Error, CustomStringConvertible {
        var instances: [String]
        var description: String { "EC2 does not show \(instances.joined(separator: ", ")) yet" }
    }

    private func daysToKeep(_ orgs: OrgStore) async throws -> Int {
        guard input.isErasure != true, let org = try await orgs.find(id: input.orgID),
            org.status == .deprovisioning
        else { return 0 }
        return fleet.settings.retentionDays[org.plan] ?? 0
    }

    /// Of a restored tenant that is deleted before its instance had a volume of its own.
    private func hasSnapshot() async throws -> Bool {
        try await ledger.remaining(org: input.orgID).contains { $0.kind == .snapshot && $0.providerID != nil }
    }

    /// CreateSnapshot has no client token: an earlier try's is found by its tags.
    private func takeSnapshot(of volumeID: String, _ context: WorkflowContext) async throws {
        try await context.transaction("intend_snapshot") { transaction in
            try await ResourceLedger(database: transaction).intend(
                .snapshot, intentID: volumeID, org: input.orgID, place: fleet.settings.region)
        }
        let tenant = try await TenantStore(database: fleet.database).find(org: input.orgID)
        let snapshotID = try await context.create(
            "create_snapshot", .snapshot, volumeID
        ) { _ in
            let launch = EC2Filter(
                name: "tag:\(ResourceTag.launch)", values: [tenant?.launchID.text ?? "none"])
            if let existing = try await fleet.ec2.describeSnapshots(filters: [mine, launch]).first {
                return (existing.snapshotId, providerID: existing.snapshotId)
            }
            let tags = tenant?.launch?.tags(
                orgID: input.orgID, slug: input.slug, launchID: tenant?.launchID ?? input.orgID)
            let snapshot = try await fleet.ec2.createSnapshot(volumeID: volumeID, tags: tags ?? [:])
            return (snapshot.snapshotId, providerID: snapshot.snapshotId)
        }
        try await context.wait("snapshot_completed", deadline: Self.snapshotDeadline, poll: .seconds(1)) {
            let id = EC2Filter(name: "snapshot-id", values: [snapshotID])
            let state = try await fleet.ec2.describeSnapshots(filters: [id]).first?.status
            guard state != "error" else {
                throw PermanentFailure(
                    code: "snapshot_failed",
                    message: "The snapshot \(snapshotID) ended in an error; the instance still stands.")
            }
            return state == "completed"
        }
    }

    /// A restored tenant that is deleted before it ran still has the snapshot that it comes from. Where the
    /// restore itself failed, it is kept: it can be tried again.
    func deleteEarlierSnapshot(_ context: WorkflowContext) async throws {
        let isLeft = try await context.transaction("decide_earlier_snapshot") { transaction in
            let org = try await OrgStore(database: transaction).find(id: input.orgID)
            let remaining = try await ResourceLedger(database: transaction).remaining(org: input.orgID)
            return org?.status == .deprovisioning && remaining.contains { $0.kind == .snapshot }
        }
        if isLeft { try await Teardowns(fleet: fleet).deleteSnapshots(org: input.orgID, context) }
    }

    /// A deleted organisation is purged, or retained until its days are over; a failed one keeps its reason,
    /// for a person to read.
    package func close(_ context: WorkflowContext, keptDays: Int) async throws {
        try await context.transaction("close") { transaction in
            let orgs = OrgStore(database: transaction)
            let ledger = ResourceLedger(database: transaction)
            try await TenantStore(database: transaction).release(org: input.orgID)
            guard let org = try await orgs.find(id: input.orgID), org.status == .deprovisioning else {
                return
            }
            try await ledger.forget(org: input.orgID, keepingSnapshot: true)
            guard keptDays > 0 else {
                return try await Teardowns(fleet: fleet).purge(
                    org: input.orgID, by: .workflow(Self.kind, id: context.workflowID), in: transaction)
            }
            try await orgs.markRetained(id: input.orgID, days: keptDays)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.retained", org: input.orgID, subject: org.slug,
                    after: ["status": "purged", "days": .integer(keptDays)]),
                by: .workflow(Self.kind, id: context.workflowID))
            try await Teardowns(fleet: fleet).startForgetting(
                org: input.orgID, .tenant(afterDays: keptDays), in: transaction)
        }
    }
}
