import Fleet
import FoundationEssentials
import Hummingbird
import Postgres
import ServiceLifecycle

/// `POST /cp/admin/tenants/redeploy-fleet`: a rollout in one request, for clients that wait for its end.
///
/// Behind it stands a rollout like any other: when the request breaks off it goes on, and can be watched by
/// its id. Any failure stops it and leaves later tenants on the old image.
struct FleetRedeployRoute: Sendable {
    let platform: Platform

    /// The longest that the request stays open; clients wait 1,200 s.
    static let patience: Duration = .seconds(1_170)
    static let interval: Duration = .milliseconds(500)

    struct Body: RequestFields {
        var targetTag: String?
        var canarySlug: String?
        var soakSeconds: Int?
        var batchSize: Int?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case targetTag = "target_tag"
            case canarySlug = "canary_slug"
            case soakSeconds = "soak_seconds"
            case batchSize = "batch_size"
            case dryRun = "dry_run"
        }

        /// One batch after the other behind the canary.
        var rollout: RolloutBody {
            RolloutBody(
                targetTag: targetTag, canarySlugs: canarySlug.map { [$0] }, soakSeconds: soakSeconds,
                waves: [100], batchSize: batchSize, concurrency: 1, rollback: "none", dryRun: dryRun)
        }
    }

    private struct Answer: Encodable {
        var ok: Bool
        var dryRun: Bool
        var rolloutID: String?
        var state: Rollout.State?
        var message: String?
        var results: [RolloutTenantView]

        enum CodingKeys: String, CodingKey {
            case ok, state, message, results
            case dryRun = "dry_run"
            case rolloutID = "rollout_id"
        }
    }

    func redeploy(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(Body.self, from: request)
        let order = try RolloutOrder(body.rollout, healthSeconds: platform.fleet.healthSeconds)
        let planned = try await Rollouts(fleet: platform.fleet).planRollout(order)
        guard !order.isDryRun else { return try Response.json(plan(planned)) }
        try await Rollouts(fleet: platform.fleet).startRollout(planned, by: context.origin)
        context.logger.notice("rollout begun", metadata: ["rollout": "\(planned.rollout.id.text)"])
        return try Response.json(try await answer(try await ended(planned.rollout)))
    }

    private func plan(_ planned: PlannedRollout) -> Answer {
        let tenants = planned.plan.waves.enumerated().flatMap { number, wave in
            wave.map { candidate in
                RolloutTenant(
                    orgID: candidate.orgID, slug: candidate.slug, wave: number, outcome: .pending,
                    digestBefore: candidate.digest)
            }
        }
        let skipped = planned.plan.skipped.map { skip in
            RolloutTenant(
                orgID: skip.orgID, slug: skip.slug, wave: 0, outcome: .skipped, digestBefore: skip.digest,
                reasonCode: skip.reason.rawValue)
        }
        return Answer(
            ok: true, dryRun: true,
            message: "\(planned.plan.tenantCount) tenants, about \(planned.estimatedSeconds) s.",
            results: (tenants + skipped).map { RolloutTenantView(tenant: $0) })
    }

    /// Ended, or in need of a person, or as far as the request's time allows.
    private func ended(_ rollout: Rollout) async throws -> Rollout {
        let deadline = ContinuousClock.now + Self.patience
        var latest = rollout
        while ContinuousClock.now < deadline, !Task.isShuttingDownGracefully {
            latest = try await RolloutStore(database: platform.database).find(rollout.id) ?? latest
            if latest.state.isFinal || latest.state == .paused { break }
            try await Task.sleep(for: Self.interval)
        }
        return latest
    }

    private func answer(_ rollout: Rollout) async throws -> Answer {
        let results = try await RolloutReading(database: platform.database).tenants(
            rollout.id, outcome: nil, limit: RolloutOrder.maximumSlugs, offset: 0)
        return Answer(
            ok: rollout.state == .succeeded, dryRun: false, rolloutID: rollout.id.text, state: rollout.state,
            message: rollout.reason, results: results)
    }
}
