import CurlHTTP
import Digests
import Fleet
import Foundation
import Postgres
import Synchronization

/// Tenants that run already, each with what will become of its redeploy.
final class SimulatedFleet: Sendable {
    /// Shares of the tenants, 0 to 1.
    struct Shares: Sendable {
        var failing: Double
        var slow: Double
        var offline: Double
    }

    struct Fate: Sendable {
        /// The new image never becomes healthy on it.
        var fails: Bool
        /// From the command to the report, drain and all.
        var duration: Duration
        /// SSM reaches it again after this time; nil: it reaches it all the time.
        var offlineFor: Duration?
    }

    struct Instance: Sendable {
        var id: String
        var slug: String
        var fate: Fate
        /// What runs on it.
        var digest: String
    }

    static let oldDigest = "sha256:" + String(repeating: "0", count: 64)

    let commands: SimulatedCommands

    init(tenants: Int, shares: Shares, seed: UInt64, tally: Tally) {
        let dice = Dice(seed: seed, "fleet")
        var instances: [String: Instance] = [:]
        for number in 1...tenants {
            let instance = Instance(
                id: Self.instanceID(number), slug: Self.slug(number), fate: Self.fate(shares, dice),
                digest: Self.oldDigest)
            instances[instance.id] = instance
        }
        commands = SimulatedCommands(instances, dice: dice, tally: tally)
    }

    private static func fate(_ shares: Shares, _ dice: Dice) -> Fate {
        var fate = Fate(
            fails: dice.chance(shares.failing), duration: dice.between(.seconds(20), .seconds(45)))
        if dice.chance(shares.slow) { fate.duration = dice.between(.seconds(120), .seconds(300)) }
        if dice.chance(shares.offline) {
            // Half of them come back while somebody waits for them.
            fate.offlineFor = dice.chance(0.5) ? .seconds(86_400) : dice.between(.seconds(60), .seconds(480))
        }
        return fate
    }

    private static func slug(_ number: Int) -> String { "t\(1_000_000 + number)" }
    private static func instanceID(_ number: Int) -> String { "i-\(1_000_000 + number)" }

    /// Every tenant as a rollout finds it: the first few are canaries.
    static func insertRows(_ count: Int, canaries: Int, in database: PostgresPool) async throws {
        try await database.execute(
            """
            INSERT INTO orgs (id, slug, name, owner_user_id, status, is_canary, created_at)
            SELECT md5('org/' || n)::uuid, 't' || (1000000 + n), 'Tenant ' || n, 'user', 'running',
                n <= \(canaries)::int, now() + n * interval '1 microsecond'
            FROM generate_series(1, \(count)::int) AS n
            """)
        try await database.execute(
            """
            INSERT INTO tenants (org_id, launch_id, instance_id, image_digest, running_at)
            SELECT md5('org/' || n)::uuid, md5('launch/' || n)::uuid, 'i-' || (1000000 + n),
                \(oldDigest), now()
            FROM generate_series(1, \(count)::int) AS n
            """)
    }

    /// What the edge answers for a tenant.
    func health(_ call: ProviderCall, at now: Int) -> HTTPResponse { .text(200, "ok") }
}
