import AdminProtocol
import Billing
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `.../orgs/:slug/suspend|resume`, for operators and for customers.
struct SuspensionRoutes: Sendable {
    let platform: Platform

    struct Order: RequestFields {
        var reason: String?

        enum CodingKeys: String, CodingKey, CaseIterable { case reason }
    }

    /// `POST /cp/admin/orgs/:slug/suspend`
    func suspend(_ request: Request, _ context: AppContext) async throws -> Response {
        try await suspend(try await operated(context), .operator, request, context)
    }

    /// `POST /cp/admin/orgs/:slug/resume`
    func resume(_ request: Request, _ context: AppContext) async throws -> Response {
        try await resume(try await operated(context), .operator, context)
    }

    /// `POST /cp/orgs/:slug/suspend`
    func suspendOwn(_ request: Request, _ context: AppContext) async throws -> Response {
        try await suspend(try context.org(), .customer, request, context)
    }

    /// `POST /cp/orgs/:slug/resume`
    func resumeOwn(_ request: Request, _ context: AppContext) async throws -> Response {
        try await resume(try context.org(), .customer, context)
    }

    private func operated(_ context: AppContext) async throws -> Org {
        try await OrgStore(database: platform.database).require(slug: context.slug())
    }

    /// Issued again, it changes nothing.
    private func suspend(
        _ org: Org, _ author: Suspension.Author, _ request: Request, _ context: AppContext
    ) async throws -> Response {
        let reason = try await RequestBody.read(Order.self, from: request).reason.map {
            try OrgRoutes.bounded($0, "reason", Suspension.maximumReasonLength)
        }
        let changed = try await platform.database.transaction { transaction in
            let orgs = OrgStore(database: transaction)
            let before = try await orgs.lock(id: org.id)
            guard try await orgs.suspend(id: org.id, by: author, reason: reason) else {
                guard before.status == .suspended else { throw Self.notSuspendable(before) }
                return before
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.suspended", org: org.id, subject: org.slug,
                    before: ["status": .string(before.status.rawValue)],
                    after: ["status": "suspended", "by": .string(author.rawValue), "reason": .text(reason)]),
                by: context.origin)
            try await SettingsPushes(fleet: platform.fleet).pushSettings(org: org.id, in: transaction)
            return try await orgs.lock(id: org.id)
        }
        return try Response.json(OrgView(org: changed))
    }

    private func resume(
        _ org: Org, _ author: Suspension.Author, _ context: AppContext
    ) async throws -> Response {
        let changed = try await platform.database.transaction { transaction in
            let orgs = OrgStore(database: transaction)
            let before = try await orgs.lock(id: org.id)
            if author == .customer, before.suspension?.by == .operator { throw Self.byOperator }
            if author == .customer, before.suspension?.by == .billing { throw Self.unpaid }
            guard try await orgs.resume(id: org.id) else { return before }
            // Whoever owes something is suspended for that now.
            try await SubscriptionSyncs(billing: platform.billing).requestSync(org: org.id, in: transaction)
            if author == .operator, before.suspension?.by == .billing {
                try await giveGrace(before, transaction)
            }
            let after = try await orgs.lock(id: org.id)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.resumed", org: org.id, subject: org.slug,
                    before: ["status": "suspended", "reason": .text(before.suspension?.reason)],
                    after: ["status": .string(after.status.rawValue)]),
                by: context.origin)
            try await SettingsPushes(fleet: platform.fleet).pushSettings(org: org.id, in: transaction)
            return after
        }
        return try Response.json(OrgView(org: changed))
    }

    /// An operator who ends a suspension for a payment gives the plan's grace once more: without it the next
    /// look at Stripe would suspend it again.
    private func giveGrace(_ org: Org, _ transaction: Transaction) async throws {
        let days = platform.configuration.billing.plans.orFree(org.plan).graceDays
        guard org.billingStatus == .unpaid else { return }
        try await OrgStore(database: transaction).setBilling(
            id: org.id, .pastDue, graceEndsAt: Dunning.graceEnd(failingSince: Date(), graceDays: days))
    }

    private static func notSuspendable(_ org: Org) -> AppError {
        AppError(
            .conflict, "not_suspendable",
            "\(org.slug) is \(org.status.rawValue). What is running or has failed can be suspended; wait, or "
                + "cancel its provisioning.")
    }

    private static let unpaid = AppError(
        .forbidden, "suspended_for_payment",
        "A payment failed. Pay the open invoice on the billing page: it is resumed by itself then.")

    private static let byOperator = AppError(
        .forbidden, "suspended_by_operator",
        "An operator suspended it. Ask the platform's support to resume it.")
}
