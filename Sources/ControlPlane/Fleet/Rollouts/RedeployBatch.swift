import FoundationEssentials
import Organisations
import Postgres
import Providers
import TenantProtocol
import Workflows

/// The tenants of a rollout that share one SSM command: to the new image, or back to the one they had.
package struct RedeployBatch: Sendable {
    package static let kind = "rollout_batch"

    package struct Input: Codable, Sendable {
        package var rolloutID: UUID
        package var batch: Int

        package init(rolloutID: UUID, batch: Int) {
            self.rolloutID = rolloutID
            self.batch = batch
        }
    }

    package static func subject(_ rollout: UUID, _ batch: Int) -> String { "\(rollout.text)/\(batch)" }

    package let fleet: FleetContext
    package let input: Input

    package func run(_ context: WorkflowContext) async throws {
        let claim = try await context.transaction("claim") { try await makeClaim($0) }
        guard let replacement = claim.replacement, !claim.targets.isEmpty else { return }
        let redeploy = GroupRedeploy(fleet: fleet, replacement: replacement, id: claim.id)
        let outcomes = try await redeploy.run(context, claim.targets)
        try await context.transaction("record") { transaction in
            try await record(claim, outcomes, in: transaction)
            try await fleet.engine.wake(subject: input.rolloutID.text, in: transaction)
        }
    }

    // MARK: Claiming

    struct Claim: Codable, Sendable {
        /// Under which every instance redeploys once.
        var id: String
        var isRevert: Bool
        /// nil when there is nothing to do.
        var replacement: Replacement?
        var targets: [GroupRedeploy.Target]
    }

    /// How long until a tenant that is being redeployed by somebody else is looked at again, in seconds.
    static let busySeconds = 10

    /// From the commit of this on nobody else redeploys the targets.
    private func makeClaim(_ transaction: Transaction) async throws -> Claim {
        let rollout = try await RolloutStore(database: transaction).lock(input.rolloutID)
        let tenants = RolloutTenantStore(database: transaction, rolloutID: rollout.id)
        let rows = try await tenants.batch(input.batch)
            .filter { $0.outcome == .updating || $0.outcome == .reverting }
        let isRevert = rows.first?.outcome == .reverting
        var claim = Claim(
            id: isRevert ? "\(rollout.id.text)-back" : rollout.id.text, isRevert: isRevert,
            replacement: replacement(rollout, rows, isRevert), targets: [])
        let isStopped = rollout.isAbortRequested || rollout.isRollbackRequested
        for row in rows {
            if isStopped, !isRevert {
                try await tenants.putBack(row.orgID, afterSeconds: 0)
            } else if let target = try await target(row, rollout, claim.replacement, tenants, transaction) {
                claim.targets.append(target)
            }
        }
        if claim.targets.isEmpty {
            try await fleet.engine.wake(subject: rollout.id.text, in: transaction)
        }
        return claim
    }

    /// A batch that goes back has one image for all: what they had before.
    private func replacement(_ rollout: Rollout, _ rows: [RolloutTenant], _ isRevert: Bool) -> Replacement? {
        guard let first = rows.first else { return nil }
        guard isRevert else { return rollout.replacement(image: rollout.image) }
        guard var image = rollout.image.map({ ImageReference($0) }) else { return nil }
        image.digest = first.digestBefore
        return rollout.replacement(image: image.pinned)
    }

    /// nil when the tenant is settled or put back instead.
    private func target(
        _ row: RolloutTenant, _ rollout: Rollout, _ replacement: Replacement?, _ tenants: RolloutTenantStore,
        _ transaction: Transaction
    ) async throws -> GroupRedeploy.Target? {
        let org = try await OrgStore(database: transaction).find(id: row.orgID)
        let tenant = try await TenantStore(database: transaction).find(org: row.orgID)
        guard let replacement, org?.status == .running, let tenant, let instanceID = tenant.instanceID else {
            try await tenants.settle(
                row.orgID, row.outcome == .reverting ? .failed : .untouched, digestAfter: nil,
                code: "not_running", reason: "It does not run any more.")
            return nil
        }
        let current = tenant.digest(of: replacement.service)
        let new = RedeployStore.New(
            id: UUID(), orgID: row.orgID, replacement: replacement, targetTag: rollout.targetTag,
            digest: replacement.digest ?? current ?? "", previousDigest: current, rolloutID: rollout.id)
        guard try await RedeployStore(database: transaction).insert(new) else {
            try await tenants.putBack(row.orgID, afterSeconds: Self.busySeconds)
            return nil
        }
        try await tenants.begin(row.orgID, redeploy: new.id, digestBefore: current)
        return .init(redeployID: new.id, orgID: row.orgID, slug: row.slug, instanceID: instanceID)
    }

    // MARK: Recording

    private func record(
        _ claim: Claim, _ outcomes: [UUID: GroupRedeploy.Outcome], in transaction: Transaction
    ) async throws {
        let rollout = try await RolloutStore(database: transaction).lock(input.rolloutID)
        let recording = BatchRecording(transaction: transaction, rollout: rollout, isRevert: claim.isRevert)
        for target in claim.targets {
            switch outcomes[target.orgID] {
            case .ended(let result): try await recording.ended(target, result)
            case .unreachable, nil: try await recording.unreachable(target)
            }
        }
    }
}

/// Writes what became of the tenants of a batch.
struct BatchRecording: Sendable {
    let transaction: Transaction
    let rollout: Rollout
    let isRevert: Bool

    private var tenants: RolloutTenantStore {
        RolloutTenantStore(database: transaction, rolloutID: rollout.id)
    }

    func ended(_ target: GroupRedeploy.Target, _ result: RedeployResult) async throws {
        let digest = result.report?.digest
        try await RedeployStore(database: transaction).finish(target.redeployID, result)
        try await TenantStore(database: transaction).recordImage(
            org: target.orgID, rollout.service, digest: digest)
        let outcome = outcome(result)
        try await tenants.settle(
            target.orgID, outcome, digestAfter: digest, code: result.errorCode, reason: result.message)
        try await RolloutStore(database: transaction).note(
            rollout.id, outcome.rawValue, wave: rollout.wave, slug: target.slug, detail: result.message)
    }

    private func outcome(_ result: RedeployResult) -> RolloutTenant.Outcome {
        switch result.phase {
        case .updated, .unchanged: isRevert ? .rolledBack : .updated
        case .rolledBack: isRevert ? .failed : .rolledBack
        case .failed, .refused, .sending, .running: .failed
        }
    }

    /// Nothing was sent to it, so nothing happened: the redeploy is not told of.
    func unreachable(_ target: GroupRedeploy.Target) async throws {
        try await RedeployStore(database: transaction).delete(target.redeployID)
        try await tenants.putOff(target.orgID, toWave: rollout.waves)
        try await RolloutStore(database: transaction).note(
            rollout.id, "offline", wave: rollout.wave, slug: target.slug)
    }

    /// The batch's workflow gave up.
    func failed(_ row: RolloutTenant, _ failure: WorkflowFailure) async throws {
        if let redeploy = row.redeployID {
            try await RedeployStore(database: transaction).fail(
                redeploy, code: failure.code, message: failure.message)
        }
        try await tenants.settle(
            row.orgID, .failed, digestAfter: nil, code: failure.code, reason: failure.message)
        try await RolloutStore(database: transaction).note(
            rollout.id, RolloutTenant.Outcome.failed.rawValue, wave: row.wave, slug: row.slug,
            detail: failure.code)
    }
}

extension Rollouts {
    func startBatch(_ rollout: Rollout, _ batch: Int, in transaction: Transaction) async throws {
        _ = try await engine.start(
            RedeployBatch.kind, subject: RedeployBatch.subject(rollout.id, batch),
            input: RedeployBatch.Input(rolloutID: rollout.id, batch: batch), in: transaction)
    }

    /// A batch that cannot go on leaves none of its tenants without an outcome.
    func endBatch(
        _ input: RedeployBatch.Input, _ failure: WorkflowFailure, _ transaction: Transaction
    ) async throws {
        let rollout = try await RolloutStore(database: transaction).lock(input.rolloutID)
        let rows = try await RolloutTenantStore(database: transaction, rolloutID: rollout.id)
            .batch(input.batch)
        for row in rows where row.outcome == .updating || row.outcome == .reverting {
            let recording = BatchRecording(
                transaction: transaction, rollout: rollout, isRevert: row.outcome == .reverting)
            try await recording.failed(row, failure)
        }
        try await engine.wake(subject: rollout.id.text, in: transaction)
    }
}
