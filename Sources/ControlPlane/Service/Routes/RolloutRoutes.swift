import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/admin/rollouts`
struct RolloutRoutes: Sendable {
    let platform: Platform

    private var reading: RolloutReading { RolloutReading(database: platform.database) }

    /// 202 with the rollout's id, or 200 with what it would do.
    func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(RolloutBody.self, from: request)
        let order = try RolloutOrder(body, healthSeconds: platform.fleet.healthSeconds)
        let planned = try await Rollouts(fleet: platform.fleet).planRollout(order)
        guard !order.isDryRun else { return try Response.json(RolloutPlanView(planned)) }
        try await Rollouts(fleet: platform.fleet).startRollout(planned, by: context.origin)
        context.logger.notice(
            "rollout begun",
            metadata: [
                "rollout": "\(planned.rollout.id.text)", "digest": "\(planned.rollout.digest ?? "-")",
                "tenants": "\(planned.plan.tenantCount)",
            ])
        return try Response.json(try await reading.view(planned.rollout), status: .accepted)
    }

    static let listLimits = 1...200
    static let defaultList = 20

    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultList
        let rollouts = try await RolloutStore(database: platform.database).list(limit: limit)
        return try Response.json(["rollouts": try await reading.views(rollouts)])
    }

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await reading.view(try await rollout(context)))
    }

    static let tenantLimits = 1...10_000

    /// `GET .../tenants?phase=&limit=&offset=`
    func tenants(_ request: Request, _ context: AppContext) async throws -> Response {
        let rollout = try await rollout(context)
        let limit = try request.number("limit", in: Self.tenantLimits) ?? 500
        let offset = try request.number("offset", in: 0...1_000_000) ?? 0
        var outcome: RolloutTenant.Outcome?
        if let text = request.uri.queryParameters["phase"] {
            outcome = RolloutTenant.Outcome(rawValue: String(text))
            guard outcome != nil else {
                let known = RolloutTenant.Outcome.allCases.map(\.rawValue).joined(separator: ", ")
                throw AppError.invalidField("phase", "The parameter \"phase\" is one of: \(known).")
            }
        }
        let tenants = try await reading.tenants(rollout.id, outcome: outcome, limit: limit, offset: offset)
        return try Response.json(["tenants": tenants])
    }

    private func rollout(_ context: AppContext) async throws -> Rollout {
        guard let rollout = try await RolloutStore(database: platform.database).find(try context.rolloutID())
        else { throw AppError.rolloutNotFound }
        return rollout
    }

    // MARK: What a person may say

    func pause(_ request: Request, _ context: AppContext) async throws -> Response {
        try await change(context, "pause") { rollout, rollouts, _ in
            guard rollout.state == .running else { throw Self.refusal(rollout, "pause") }
            try await rollouts.set(
                rollout.id, .paused, code: "paused",
                reason: "An operator paused it. What has begun goes on to its end.",
                by: context.origin)
        }
    }

    func resume(_ request: Request, _ context: AppContext) async throws -> Response {
        try await change(context, "resume") { rollout, rollouts, _ in
            guard rollout.state == .paused else { throw Self.refusal(rollout, "resume") }
            try await rollouts.resume(rollout.id, by: context.origin)
        }
    }

    /// Nothing begins any more; what has begun ends by itself.
    func abort(_ request: Request, _ context: AppContext) async throws -> Response {
        try await change(context, "abort") { rollout, rollouts, _ in
            guard rollout.state == .running || rollout.state == .paused else {
                throw Self.refusal(rollout, "abort")
            }
            try await rollouts.requestAbort(rollout.id)
            if rollout.state == .paused { try await rollouts.set(rollout.id, .running, by: context.origin) }
        }
    }

    /// The present wave passes without the rest of its soak, and without a verdict where there is none.
    func promote(_ request: Request, _ context: AppContext) async throws -> Response {
        try await change(context, "promote") { rollout, rollouts, _ in
            guard rollout.state == .running || rollout.state == .paused else {
                throw Self.refusal(rollout, "promote")
            }
            try await rollouts.promote(rollout.id, wave: rollout.wave)
            if rollout.state == .paused { try await rollouts.set(rollout.id, .running, by: context.origin) }
        }
    }

    /// Everything that it updated goes back to what it had, also after its end.
    func rollBack(_ request: Request, _ context: AppContext) async throws -> Response {
        try await change(context, "roll back") { rollout, rollouts, transaction in
            guard rollout.image != nil else {
                throw AppError(
                    .conflict, "nothing_to_roll_back",
                    "A refresh of the configuration has no image to go back to.")
            }
            switch rollout.state {
            case .rollingBack, .rolledBack: throw Self.refusal(rollout, "roll back")
            case .running, .paused:
                try await rollouts.requestRollback(rollout.id)
                if rollout.state == .paused {
                    try await rollouts.set(rollout.id, .running, by: context.origin)
                }
            case .succeeded, .incomplete, .failed, .aborted:
                try await Rollouts(fleet: platform.fleet).startRollback(
                    rollout, by: context.origin, in: transaction)
            }
        }
    }

    private static func refusal(_ rollout: Rollout, _ action: String) -> AppError {
        AppError(
            .conflict, "rollout_not_\(action.replacing(" ", with: "_"))_able",
            "A rollout that is \(rollout.state.rawValue) cannot \(action).",
            members: ["state": rollout.state.rawValue])
    }

    private func change(
        _ context: AppContext, _ action: String,
        _ body: (Rollout, RolloutStore, Transaction) async throws -> Void
    ) async throws -> Response {
        let id = try context.rolloutID()
        try await platform.database.transaction { transaction in
            let rollouts = RolloutStore(database: transaction)
            let rollout = try await rollouts.lock(id)
            try await body(rollout, rollouts, transaction)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "rollout.\(action.replacing(" ", with: "_"))_ordered", subject: id.text,
                    before: ["state": .string(rollout.state.rawValue)]),
                by: context.origin)
            try await platform.engine.wake(subject: id.text, in: transaction)
        }
        context.logger.notice("operator acted", metadata: ["rollout": "\(id.text)", "action": "\(action)"])
        return try Response.json(try await reading.view(try await rollout(context)), status: .accepted)
    }
}

extension AppContext {
    /// The `:id` of the path.
    fileprivate func rolloutID() throws -> UUID {
        guard let id = UUID(uuidString: try parameters.require("id")) else { throw AppError.rolloutNotFound }
        return id
    }
}

extension RolloutBody: RequestFields {}
