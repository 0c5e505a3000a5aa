import FoundationEssentials
import Postgres

/// When a tenant that signs up now will be running: what the launch limit makes it wait for those before it,
/// and what the last tenants took.
package struct Estimate: Sendable {
    /// Used until a first tenant has shown better.
    static let typicalSeconds = 180.0
    /// How many of the last tenants are looked at.
    static let sample = 20

    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    /// - Parameter waiting: tenants before it whose instance is not launched yet.
    package func readyAt(waiting: Int) async throws -> Date {
        let limit = fleet.settings.limits.limit(
            of: "ec2", "RunInstances", scope: fleet.settings.region)
        let queued = max(
            Double(waiting) * limit.gap,
            Double(try await fleet.governor.queue(limit).components.seconds))
        return Date(timeIntervalSince1970: try await now() + queued + (try await typical()))
    }

    private func now() async throws -> Double {
        try await fleet.database.query("SELECT extract(epoch FROM now())::float8 AS now")[0]["now"]
    }

    private func typical() async throws -> Double {
        let rows = try await fleet.database.query(
            """
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::float8 AS seconds FROM (
                SELECT extract(epoch FROM running_at - provisioning_at) AS seconds FROM tenants
                WHERE running_at IS NOT NULL ORDER BY running_at DESC LIMIT \(Self.sample)
            ) AS latest
            """)
        return try rows[0]["seconds", as: Double?.self] ?? Self.typicalSeconds
    }
}
