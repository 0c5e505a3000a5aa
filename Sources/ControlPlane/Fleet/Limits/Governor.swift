import AdminProtocol
import FoundationEssentials
import Postgres
import Providers
import Workflows

/// Stands before every call to a provider, and lets through what the provider's limits allow. Its buckets
/// live in PostgreSQL, so that all replicas spend from the same ones.
///
/// Inside a workflow's step a call that must wait puts the workflow away until its slot. Elsewhere, as in a
/// request of a person, it waits for a moment, or says when to come back.
package struct Governor: CallGate {
    /// What a call outside of a workflow waits for its slot.
    package static let patience: Duration = .seconds(2)
    /// Promised slots that nobody used are forgotten after this time, in seconds.
    static let forgottenAfter = 86_400.0

    package let database: PostgresPool
    package let limits: ProviderLimits

    package init(database: PostgresPool, limits: ProviderLimits) {
        self.database = database
        self.limits = limits
    }

    /// - Throws: `Postponed` inside of a workflow, `provider_busy` elsewhere.
    package func admit(_ limit: ProviderLimit, _ operation: String) async throws {
        guard let step = CurrentStep.value else { return try await admitNow(limit, operation) }
        // Each call of the step keeps its own slot: one that is put away at its second call finds, when it
        // begins anew, what was promised to each.
        let holder = "\(step.key)/\(operation)/\(step.number(of: operation))"
        let delay = try await ask(limit, holder: holder, isRepeated: step.attempt > 1)
        guard delay > .zero else { return }
        throw Postponed(delay: delay, reason: "\(limit.name) has no room for \(operation)")
    }

    private func admitNow(_ limit: ProviderLimit, _ operation: String) async throws {
        let holder = "once-\(UUID().text)"
        let delay = try await ask(limit, holder: holder, isRepeated: true)
        guard delay > .zero else { return }
        if delay <= Self.patience { try await Task.sleep(for: delay) }
        try await database.execute(
            "DELETE FROM provider_reservations WHERE bucket = \(limit.name) AND holder = \(holder)")
        guard delay > Self.patience else { return }
        let seconds = Int(delay.components.seconds) + 1
        throw AppError(
            .tooManyRequests, "provider_busy",
            "\(limit.name) takes no further call for \(seconds) s. Try again then.", retryAfter: seconds)
    }

    private func ask(_ limit: ProviderLimit, holder: String, isRepeated: Bool) async throws -> Duration {
        let rows = try await database.query(
            """
            SELECT admit_call(\(limit.name), \(holder), \(limit.gap), \(limit.burst), \(isRepeated)) AS delay
            """)
        return .seconds(try rows[0]["delay", as: Double.self])
    }

    /// The provider refused for the rate: its bucket is empty, and closed for as long as it said.
    package func throttled(_ limit: ProviderLimit, retryAfter: Duration?) async throws {
        let closed = Double((retryAfter ?? .zero).components.seconds)
        _ = try await database.query(
            "SELECT empty_bucket(\(limit.name), \(limit.gap), \(limit.burst), \(closed))")
    }

    /// Time until a first call of this sort would be let through.
    func queue(_ limit: ProviderLimit) async throws -> Duration {
        let rows = try await database.query(
            """
            SELECT greatest(0, extract(epoch FROM greatest(
                full_at - make_interval(secs => \(limit.gap * limit.burst)), blocked_until) - now())
                )::float8 AS delay
            FROM provider_buckets WHERE name = \(limit.name)
            """)
        return .seconds(try rows.first?["delay", as: Double.self] ?? 0)
    }

    func forgetReservations() async throws {
        try await database.execute(
            """
            DELETE FROM provider_reservations
            WHERE slot_at < now() - make_interval(secs => \(Self.forgottenAfter))
            """)
    }
}
