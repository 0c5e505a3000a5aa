import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// A rollout as it would be, or as it begins.
package struct PlannedRollout: Sendable {
    package var rollout: Rollout
    package var plan: RolloutPlan
    var paceSeconds: Double?

    package var estimatedSeconds: Int {
        plan.estimatedSeconds(rollout.settings, pace: paceSeconds ?? RolloutPlan.assumedSeconds)
    }
}

extension Rollouts {
    /// Resolves the image once, and decides which tenants in which waves. Nothing is written.
    /// - Throws: `image_was_rolled_back` (409) unless forced; what a plan and an image can throw.
    package func planRollout(_ order: RolloutOrder) async throws -> PlannedRollout {
        let releases = ReleaseStore(database: database)
        var channel: ReleaseChannel?
        if let name = order.channel {
            channel = try await releases.channel(name)
            if channel == nil {
                throw AppError(
                    .unprocessable, "channel_not_found",
                    "There is no channel \"\(name)\". GET /cp/admin/channels lists them.")
            }
        } else {
            channel = try await releases.channel("stable")
        }
        let image = try await order.images.resolve(fleet, meant: channel?.digest)
        try await refuseLoop(order, image?.digest)
        let candidates = try await rolloutCandidates(order)
        let plan = try RolloutPlan(candidates, digest: image?.digest, settings: order.settings)
        let rollout = Rollout(
            id: UUID(), service: order.images.service, targetTag: order.images.targetTag,
            image: image?.pinned, digest: image?.digest, channel: order.channel, settings: order.settings,
            state: .running, waves: plan.waves.count)
        return PlannedRollout(
            rollout: rollout, plan: plan,
            paceSeconds: try await RedeployStore(database: database).medianSeconds())
    }

    /// Back and forth between two images helps nobody: the second time, a person must insist.
    private func refuseLoop(_ order: RolloutOrder, _ digest: String?) async throws {
        guard let digest, !order.isForced,
            let earlier = try await RolloutStore(database: database).rolledBack(digest: digest)
        else { return }
        throw AppError(
            .conflict, "image_was_rolled_back",
            "A rollout of this image was rolled back within the last day. Look at it, and say \"force\" to "
                + "roll the image out all the same.", members: ["rollout_id": earlier.text])
    }

    private func rolloutCandidates(_ order: RolloutOrder) async throws -> [RolloutCandidate] {
        let service = order.images.service
        let rows = try await database.query(
            """
            SELECT o.id, o.slug, o.status, o.is_canary, o.pinned_digest, o.is_opted_out,
                o.maintenance_until, t.instance_id, t.image_digest, t.service_digests, t.launch
            FROM orgs o LEFT JOIN tenants t ON t.org_id = o.id
            WHERE o.status <> 'purged' AND (o.channel = \(order.channel) OR \(order.channel)::text IS NULL)
                AND (o.slug = ANY(\(order.slugs ?? [])) OR \(order.slugs == nil))
            ORDER BY o.created_at, o.id
            """)
        let candidates = try rows.map { try RolloutCandidate($0, service) }
        if let slugs = order.slugs {
            let missing = Set(slugs).subtracting(candidates.map(\.slug)).sorted()
            guard missing.isEmpty else { throw RolloutPlan.unknown(missing) }
        }
        return candidates
    }

    /// Writes the plan and begins with it, in one commit.
    /// - Throws: `rollout_in_progress` (409), which names the rollout that has one of the tenants.
    package func startRollout(_ planned: PlannedRollout, by origin: RequestOrigin) async throws {
        let rollout = planned.rollout
        do {
            try await database.transaction { transaction in
                try await RolloutStore(database: transaction).insert(rollout)
                try await RolloutTenantStore(database: transaction, rolloutID: rollout.id)
                    .insert(planned.plan)
                try await RolloutStore(database: transaction).note(
                    rollout.id, "planned",
                    detail: "\(planned.plan.tenantCount) tenants in \(planned.plan.waves.count) waves")
                _ = try await engine.start(
                    RunRollout.kind, subject: rollout.id.text,
                    input: RunRollout.Input(rolloutID: rollout.id), in: transaction)
                try await AuditLog(database: transaction).record(
                    AuditEvent(
                        action: "rollout.begun", subject: rollout.id.text,
                        after: [
                            "service": .string(rollout.service.rawValue), "digest": .text(rollout.digest),
                            "channel": .text(rollout.channel), "tenants": .integer(planned.plan.tenantCount),
                        ]),
                    by: origin)
            }
        } catch is RolloutOverlap {
            throw try await rolloutInProgress(planned.plan)
        }
    }

    private func rolloutInProgress(_ plan: RolloutPlan) async throws -> AppError {
        let orgs = plan.waves.joined().map(\.orgID)
        let rows = try await database.query(
            """
            SELECT rollout_id, slug FROM rollout_tenants WHERE is_open AND org_id = ANY(\(orgs)) LIMIT 1
            """)
        let slug = try rows.first?["slug", as: String.self]
        return AppError(
            .conflict, "rollout_in_progress",
            "\(slug ?? "A tenant") is in a rollout that has not ended. Wait for it, or abort it.",
            members: ["rollout_id": try rows.first?["rollout_id", as: UUID.self].text ?? ""])
    }
}

extension RolloutCandidate {
    fileprivate init(_ row: Row, _ service: StackService) throws {
        orgID = try row["id", as: UUID.self]
        slug = try row["slug", as: String.self]
        status = try row.decode("status", as: Org.Status.self)
        isCanary = try row["is_canary", as: Bool.self]
        pinnedDigest = service == .tenant ? try row["pinned_digest", as: String?.self] : nil
        isOptedOut = try row["is_opted_out", as: Bool.self]
        maintenanceUntil = try row["maintenance_until", as: Date?.self]
        hasInstance = try row["instance_id", as: String?.self] != nil
        let images = StackDigests(
            tenant: try row["image_digest", as: String?.self],
            others: try row["service_digests", as: JSON<[String: String]>?.self]?.value ?? [:],
            launch: try row["launch", as: JSON<Launch>?.self]?.value)
        digest = images.digest(of: service)
    }
}
