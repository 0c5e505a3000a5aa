import AdminProtocol
import AuditChain
import Fleet
import FoundationEssentials
import Organisations
import Postgres

/// Makes an organisation what its subscription says, in one commit.
struct BillingChange: Sendable {
    let billing: BillingContext
    let orgID: UUID
    let origin: RequestOrigin
    let transaction: Transaction

    package enum Next: String, Codable, Sendable {
        case nothing
        /// Another look was ordered meanwhile.
        case again
        /// Its time to be paid for is over: nobody may pay any more.
        case closeDoors
        /// The organisation is gone, and may not be charged.
        case endEverything
    }

    package struct Outcome: Codable, Sendable { var next: Next }

    private var orgs: OrgStore { OrgStore(database: transaction) }
    private var accounts: BillingStore { BillingStore(database: transaction) }
    private var settings: BillingSettings { billing.settings }

    /// - Parameters:
    ///   - request: up to which order the look counts.
    ///   - isLast: nobody could pay any more before the look.
    func follow(
        _ subscription: SubscriptionState?, through request: Int, isLast: Bool
    ) async throws -> Outcome {
        // Always the organisation before its account, so that two never wait for each other.
        let org = try await orgs.lockWhatever(id: orgID)
        guard let account = try await accounts.lock(org: orgID) else { return Outcome(next: .nothing) }
        let now = try await transaction.query("SELECT now() AS now")[0]["now", as: Date.self]
        let facts = BillingRules.Facts(
            status: org.status, plan: org.plan, suspendedBy: org.suspension?.by,
            graceEndsAt: org.graceEndsAt, account: account)
        var verdict = settings.rules.verdict(facts, subscription, now: now)
        if org.status == .purged || org.status == .deprovisioning {
            return try await leave(&verdict, subscription, request)
        }
        if verdict.deed == .expire, !isLast {
            return Outcome(next: .closeDoors)
        }
        try await carryOut(&verdict, org, now)
        try await accounts.record(verdict.account, through: request)
        let changes =
            verdict.plan != org.plan || verdict.status != org.billingStatus
            || verdict.graceEndsAt != org.graceEndsAt || verdict.deed != .nothing
        // Last, as these take workflows' rows. What has no instance yet reads its settings when it boots.
        let (before, after) = (
            Launches(fleet: billing.fleet).instanceType(of: org.plan),
            Launches(fleet: billing.fleet).instanceType(of: verdict.plan)
        )
        if before != after {
            try await Resizes(fleet: billing.fleet).followPlan(
                verdict.plan, org: orgID, slug: org.slug, in: transaction)
        }
        if changes, [.running, .failed, .suspended].contains(org.status) {
            try await SettingsPushes(fleet: billing.fleet).pushSettings(org: orgID, in: transaction)
        }
        return Outcome(next: account.syncRequested > request ? .again : .nothing)
    }

    /// Of an organisation that is gone only the account is kept true; a subscription that goes on ends.
    private func leave(
        _ verdict: inout BillingRules.Verdict, _ subscription: SubscriptionState?, _ request: Int
    ) async throws -> Outcome {
        verdict.account.nextLookAt = nil
        try await accounts.record(verdict.account, through: request)
        let goesOn = subscription.map { $0.standing >= .failing } ?? false
        return Outcome(next: goesOn ? .endEverything : .nothing)
    }

    private func carryOut(_ verdict: inout BillingRules.Verdict, _ org: Org, _ now: Date) async throws {
        try await setPlan(verdict.plan, org, now)
        try await setStatus(verdict, org)
        switch verdict.deed {
        case .nothing: break
        case .provision: try await provision(&verdict, org, now)
        case .suspend(let reason): try await suspend(org, reason)
        case .resume: try await resume(org)
        case .expire: try await Teardowns(fleet: billing.fleet).beginDelete(org, by: origin, in: transaction)
        }
        try await NoticeStore(database: transaction).record(
            verdict.notices, org: orgID, failingSince: verdict.account.failingSince ?? now)
    }

    private func setPlan(_ plan: String, _ org: Org, _ now: Date) async throws {
        guard plan != org.plan else { return }
        try await CreditLedger(database: transaction, rules: billing.creditRules)
            .planChanged(org: orgID, from: org.plan, to: plan, at: now)
        try await orgs.setPlan(id: orgID, plan)
        try await record("org.plan_changed", org, ["plan": .string(org.plan)], ["plan": .string(plan)])
    }

    private func setStatus(_ verdict: BillingRules.Verdict, _ org: Org) async throws {
        guard verdict.status != org.billingStatus || verdict.graceEndsAt != org.graceEndsAt else { return }
        try await orgs.setBilling(id: orgID, verdict.status, graceEndsAt: verdict.graceEndsAt)
        guard verdict.status != org.billingStatus else { return }
        try await record(
            "org.billing_changed", org, ["billing_status": .string(org.billingStatus.rawValue)],
            [
                "billing_status": .string(verdict.status.rawValue),
                "subscription": .text(verdict.account.subscriptionID),
                "subscription_status": .text(verdict.account.subscriptionStatus),
            ])
    }

    /// Without room it stays paid for and waits, and is tried again.
    private func provision(_ verdict: inout BillingRules.Verdict, _ org: Org, _ now: Date) async throws {
        var paid = org
        paid.plan = verdict.plan
        do {
            _ = try await Launches(fleet: billing.fleet).beginFirst(paid, launchID: UUID(), in: transaction)
        } catch let error as AppError where error.code == "no_capacity" {
            verdict.account.problem = error.message
            verdict.account.nextLookAt = now.addingTimeInterval(BillingRules.retryPause)
            return
        }
        try await orgs.markPaid(id: orgID)
        try await record(
            "org.paid", org, ["status": .string(org.status.rawValue)], ["status": "provisioning"])
    }

    private func suspend(_ org: Org, _ reason: String) async throws {
        guard try await orgs.suspend(id: orgID, by: .billing, reason: reason) else { return }
        try await record(
            "org.suspended", org, ["status": .string(org.status.rawValue)],
            ["status": "suspended", "by": "billing", "reason": .string(reason)])
    }

    private func resume(_ org: Org) async throws {
        guard try await orgs.resume(id: orgID), let after = try await orgs.find(id: orgID) else { return }
        try await record(
            "org.resumed", org, ["status": "suspended", "reason": .text(org.suspension?.reason)],
            ["status": .string(after.status.rawValue)])
    }

    private func record(
        _ action: String, _ org: Org, _ before: [String: AuditValue], _ after: [String: AuditValue]
    ) async throws {
        try await AuditLog(database: transaction).record(
            AuditEvent(action: action, org: orgID, subject: org.slug, before: before, after: after),
            by: origin)
    }
}

extension BillingSettings {
    package var rules: BillingRules {
        BillingRules(
            plans: plans, afterCancellation: afterCancellation,
            awaitingPayment: awaitingPayment / .seconds(1))
    }
}
