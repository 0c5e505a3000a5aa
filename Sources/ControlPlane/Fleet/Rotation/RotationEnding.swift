import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// What the redeploy that carries a new token to its instance does at its end.
extension RedeployTenant {
    /// How long two tokens stay valid after molecule-tenant runs with the new one. The agent says so itself,
    /// at once and then every 20 seconds; without its word the old one ends here.
    static let confirmationDeadline: Duration = .seconds(300)

    /// Code of a redeploy that left the tenant with the token that it had.
    static let notRotatedCode = "not_rotated"

    private var tokens: TenantTokenStore { TenantTokenStore(database: fleet.database) }

    struct RotationEnd: Codable, Sendable {
        /// Why the token was not rotated; nil when it was.
        var refusal: String?
    }

    /// - Returns: why the token was not rotated; nil when it was
    func endRotation(_ context: WorkflowContext, _ outcome: GroupRedeploy.Outcome) async throws -> String? {
        if try await runsWithNext(outcome) { try await awaitConfirmation(context) }
        return try await context.transaction("end_rotation") { transaction in
            let tokens = TenantTokenStore(database: transaction)
            return RotationEnd(refusal: try await settle(outcome, tokens, transaction))
        }.refusal
    }

    /// An agent that has never asked for the token belongs to a time before there was one to ask for.
    private func runsWithNext(_ outcome: GroupRedeploy.Outcome) async throws -> Bool {
        guard case .ended(let result) = outcome,
            [.updated, .unchanged].contains(result.report?.outcome)
        else { return false }
        let state = try await tokens.state(org: input.target.orgID)
        return state?.isPending == true && state?.usedAt != nil
    }

    private func awaitConfirmation(_ context: WorkflowContext) async throws {
        do {
            try await context.wait(
                "confirmed", deadline: Self.confirmationDeadline,
                until: { try await tokens.state(org: input.target.orgID)?.isPending != true })
        } catch is WaitTimedOut {}
    }

    private func settle(
        _ outcome: GroupRedeploy.Outcome, _ tokens: TenantTokenStore, _ transaction: Transaction
    ) async throws -> String? {
        let org = input.target.orgID
        guard let state = try await tokens.state(org: org), state.isPending else { return nil }
        switch RunningToken(outcome) {
        case .runs where state.usedAt != nil:
            _ = try await tokens.promote(org: org)
            try await record("tenant_credentials.rotated", transaction)
            return nil
        case .runs:
            try await withdraw(tokens, transaction)
            return "The instance's agent did not ask for the new token: it is older than rotation. "
                + "The token is the one it had."
        case .kept:
            try await withdraw(tokens, transaction)
            return "The instance went on with the token that it had."
        case .unknown:
            // It may run with either: both stay valid until the next order, or until the agent speaks.
            return "It is not known with which token the tenant runs, so both stay valid. Rotate again."
        }
    }

    private func withdraw(_ tokens: TenantTokenStore, _ transaction: Transaction) async throws {
        try await tokens.withdraw(org: input.target.orgID)
        try await record("tenant_credentials.rotation_withdrawn", transaction)
    }

    private func record(_ action: String, _ transaction: Transaction) async throws {
        try await AuditLog(database: transaction).record(
            AuditEvent(action: action, org: input.target.orgID, subject: input.target.slug),
            by: .workflow(Self.kind, id: input.target.redeployID))
    }
}

/// What is known of the token that molecule-tenant runs with, once the instance was commanded.
private enum RunningToken {
    /// With what its files say.
    case runs
    /// With what it ran before: the agent puts its files back before it says so, and what was never reached
    /// changed nothing.
    case kept
    case unknown

    init(_ outcome: GroupRedeploy.Outcome) {
        guard case .ended(let result) = outcome else {
            self = .kept
            return
        }
        self =
            switch result.report?.outcome {
            case .updated, .unchanged: .runs
            case .rolledBack, .refused, .failed: .kept
            case .ready, nil: .unknown
            }
    }
}
