import FoundationEssentials
import Postgres

/// What is used of every quota, what is left, and for how long at the present rate of signups.
package struct Capacity: Encodable, Sendable {
    package struct Quota: Encodable, Sendable {
        package var name: String
        package var used: Int
        package var limit: Int
        package var headroom: Int
        /// nil: at the present rate it lasts.
        var daysToExhaustion: Double?

        package init(name: String, used: Int, limit: Int, headroom: Int, daysToExhaustion: Double? = nil) {
            self.name = name
            self.used = used
            self.limit = limit
            self.headroom = headroom
            self.daysToExhaustion = daysToExhaustion
        }

        enum CodingKeys: String, CodingKey {
            case name, used, limit, headroom
            case daysToExhaustion = "days_to_exhaustion"
        }
    }

    package struct Bucket: Encodable, Sendable {
        package var name: String
        var queueSeconds: Double
        var blockedSeconds: Double
        package var admitted: Int
        package var throttled: Int

        package init(
            name: String, queueSeconds: Double, blockedSeconds: Double, admitted: Int, throttled: Int
        ) {
            self.name = name
            self.queueSeconds = queueSeconds
            self.blockedSeconds = blockedSeconds
            self.admitted = admitted
            self.throttled = throttled
        }

        enum CodingKeys: String, CodingKey {
            case name, admitted, throttled
            case queueSeconds = "queue_seconds"
            case blockedSeconds = "blocked_seconds"
        }
    }

    /// Organisations more a day, over the last week.
    var growthPerDay: Double
    var waitingForLaunch: Int
    package var estimatedReadyAt: Date
    package var quotas: [Quota]
    package var buckets: [Bucket]

    enum CodingKeys: String, CodingKey {
        case quotas, buckets
        case growthPerDay = "growth_per_day"
        case waitingForLaunch = "waiting_for_launch"
        case estimatedReadyAt = "estimated_ready_at"
    }

    package init(of fleet: FleetContext) async throws {
        let settings = fleet.settings
        let use = try await Placements(settings: settings).use(fleet.database)
        growthPerDay = try await Self.growth(fleet.database)
        waitingForLaunch = use.waiting
        estimatedReadyAt = try await Estimate(fleet: fleet).readyAt(waiting: use.waiting)
        let vcpus = InstanceType.vcpus(of: settings.launch.instanceType)
        quotas = [
            Self.quota("ec2 vcpus", use.vcpus, settings.maximumVCPUs, growthPerDay * Double(vcpus))
        ]
        let places = settings.places
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
        buckets = try await Self.buckets(fleet)
    }

    private static func quota(_ name: String, _ used: Int, _ limit: Int, _ perDay: Double) -> Quota {
        let headroom = max(0, limit - used)
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

    private static func buckets(_ fleet: FleetContext) async throws -> [Bucket] {
        let rows = try await fleet.database.query(
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
