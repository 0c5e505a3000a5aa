import Arithmetic
import FoundationEssentials
import Hummingbird
import Postgres

/// What is used of every quota, what is left, and for how long at the present rate of signups.
struct Capacity: Encodable, Sendable {
    struct Quota: Encodable, Sendable {
        var name: String
        var used: Int
        var limit: Int
        var headroom: Int
        /// nil: at the present rate it lasts.
        var daysToExhaustion: Double?

        enum CodingKeys: String, CodingKey {
            case name, used, limit, headroom
            case daysToExhaustion = "days_to_exhaustion"
        }
    }

    struct Bucket: Encodable, Sendable {
        var name: String
        var queueSeconds: Double
        var blockedSeconds: Double
        var admitted: Int
        var throttled: Int

        enum CodingKeys: String, CodingKey {
            case name, admitted, throttled
            case queueSeconds = "queue_seconds"
            case blockedSeconds = "blocked_seconds"
        }
    }

    /// Organisations more a day, over the last week.
    var growthPerDay: Double
    var waitingForLaunch: Int
    var estimatedReadyAt: Date
    var quotas: [Quota]
    var buckets: [Bucket]

    enum CodingKeys: String, CodingKey {
        case quotas, buckets
        case growthPerDay = "growth_per_day"
        case waitingForLaunch = "waiting_for_launch"
        case estimatedReadyAt = "estimated_ready_at"
    }

    init(of platform: Platform) async throws {
        let configuration = platform.configuration
        let use = try await Placements(configuration: configuration).use(platform.database)
        growthPerDay = try await Self.growth(platform.database)
        waitingForLaunch = use.waiting
        estimatedReadyAt = try await Estimate(platform: platform).readyAt(waiting: use.waiting)
        let vcpus = InstanceType.vcpus(of: configuration.launch.instanceType)
        quotas = [
            Self.quota("ec2 vcpus", use.vcpus, configuration.maximumVCPUs, growthPerDay * Double(vcpus))
        ]
        let places = configuration.cloudflare.places
        let share = growthPerDay / Double(places.count)
        for place in places {
            let (account, zone) = (place.accountID, place.zoneID)
            quotas.append(
                Self.quota(
                    "cloudflare tunnels of account \(account)", use.tunnels[account, default: 0],
                    place.maximumTunnels, share))
            quotas.append(
                Self.quota(
                    "cloudflare records of zone \(zone)", use.records[zone, default: 0],
                    place.maximumRecords, share))
        }
        buckets = try await Self.buckets(platform)
    }

    private static func quota(_ name: String, _ used: Int, _ limit: Int, _ perDay: Double) -> Quota {
        let headroom = max(0, limit -| used)
        return Quota(
            name: name, used: used, limit: limit, headroom: headroom,
            daysToExhaustion: perDay > 0 ? Double(headroom) / perDay : nil)
    }

    private static func growth(_ database: PostgresPool) async throws -> Double {
        let rows = try await database.query(
            """
            SELECT (count(*) FILTER (WHERE created_at > now() - interval '7 days')
                - count(*) FILTER (WHERE purged_at > now() - interval '7 days'))::float8 / 7 AS growth
            FROM orgs
            WHERE created_at > now() - interval '7 days' OR purged_at > now() - interval '7 days'
            """)
        return max(0, try rows[0]["growth", as: Double.self])
    }

    private static func buckets(_ platform: Platform) async throws -> [Bucket] {
        let rows = try await platform.database.query(
            """
            SELECT name, admitted, throttled,
                greatest(0, extract(epoch FROM nullif(blocked_until, '-infinity') - now()))::float8
                    AS blocked,
                greatest(0, (SELECT extract(epoch FROM max(slot_at) - now()) FROM provider_reservations
                    WHERE bucket = name))::float8 AS queue
            FROM provider_buckets ORDER BY name
            """)
        return try rows.map { row in
            Bucket(
                name: try row["name", as: String.self], queueSeconds: try row["queue", as: Double.self],
                blockedSeconds: try row["blocked", as: Double.self],
                admitted: try row["admitted", as: Int.self], throttled: try row["throttled", as: Int.self])
        }
    }
}

/// `GET /cp/admin/capacity`
struct CapacityRoutes: Sendable {
    let platform: Platform

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await Capacity(of: platform))
    }
}
