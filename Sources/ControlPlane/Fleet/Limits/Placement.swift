import AdminProtocol
import FoundationEssentials
import Postgres
import Providers

/// Where a tenant's resources are created: chosen at signup, before the first call, and kept. A launch
/// cannot move: the same ClientToken in another subnet would launch a second instance.
package struct Placement: Sendable, Equatable {
    package var accountID: String
    package var zoneID: String
    var subnetID: String
    var vcpus: Int

    package init(_ settings: FleetSettings, place: Int, subnet: Int, instanceType: String? = nil) {
        accountID = settings.places[place].accountID
        zoneID = settings.places[place].zoneID
        subnetID = settings.launch.subnetIDs[subnet]
        vcpus = InstanceType.vcpus(of: instanceType ?? settings.launch.instanceType)
    }

    /// nil while the tenant has no place.
    package init?(_ row: Row) throws {
        guard let account = try row["cloudflare_account_id", as: String?.self],
            let zone = try row["cloudflare_zone_id", as: String?.self],
            let subnet = try row["subnet_id", as: String?.self]
        else { return nil }
        accountID = account
        zoneID = zone
        subnetID = subnet
        vcpus = try row["vcpus", as: Int.self]
    }

    package func domain(in settings: FleetSettings) -> String {
        settings.places.first { $0.accountID == accountID && $0.zoneID == zoneID }?.domain
            ?? settings.launch.tenantDomain
    }
}

package enum InstanceType {
    /// By the size's name: current families have 2 vCPUs up to `large`, then twice as many a step, and
    /// `<n>xlarge` has four times n. Source: Amazon EC2 instance types.
    static func vcpus(of type: String) -> Int {
        let size = type.split(separator: ".").last.map(String.init) ?? ""
        if size == "xlarge" { return 4 }
        if let multiple = Int(size.replacing("xlarge", with: "")), size.hasSuffix("xlarge") {
            return 4 * multiple
        }
        return 2
    }
}

/// What tenants use of every quota, counted from their rows, and the choice of a place for one more.
struct Placements: Sendable {
    let settings: FleetSettings

    package struct Use: Sendable {
        package var tunnels: [String: Int] = [:]
        package var records: [String: Int] = [:]
        package var subnets: [String: Int] = [:]
        var vcpus = 0
        /// Tenants whose instance is not launched yet.
        package var waiting = 0

        package init(
            tunnels: [String: Int] = [:], records: [String: Int] = [:], subnets: [String: Int] = [:],
            vcpus: Int = 0, waiting: Int = 0
        ) {
            self.tunnels = tunnels
            self.records = records
            self.subnets = subnets
            self.vcpus = vcpus
            self.waiting = waiting
        }
    }

    func use(_ database: any PostgresExecutor) async throws -> Use {
        let rows = try await database.query(
            """
            SELECT cloudflare_account_id, cloudflare_zone_id, subnet_id, count(*) AS tenants,
                sum(vcpus) AS vcpus, count(*) FILTER (WHERE instance_id IS NULL) AS waiting
            FROM tenants WHERE cloudflare_account_id IS NOT NULL GROUP BY 1, 2, 3
            """)
        var use = Use()
        for row in rows {
            let tenants = try row["tenants", as: Int.self]
            use.tunnels[try row["cloudflare_account_id", as: String.self], default: 0] += tenants
            use.records[try row["cloudflare_zone_id", as: String.self], default: 0] += tenants
            use.subnets[try row["subnet_id", as: String.self], default: 0] += tenants
            use.vcpus += try row["vcpus", as: Int.self]
            use.waiting += try row["waiting", as: Int.self]
        }
        return use
    }

    /// Chooses the place with the most room left. Signups that choose take turns, so that two do not take
    /// the last place.
    /// - Throws: `no_capacity` (503), before anything is created.
    func choose(
        _ instanceType: String, in transaction: Transaction
    ) async throws -> (placement: Placement, use: Use) {
        try await takeTurn(transaction)
        let use = try await use(transaction)
        let vcpus = InstanceType.vcpus(of: instanceType)
        guard use.vcpus + vcpus <= settings.maximumVCPUs else {
            throw noCapacity("vcpus", "the region's \(settings.maximumVCPUs) vCPUs (EC2_MAXIMUM_VCPUS)")
        }
        let places = settings.places
        let rooms = places.map { room(in: $0, use) }
        guard let place = rooms.indices.max(by: { rooms[$0] < rooms[$1] }), rooms[place] > 0 else {
            let what = "every account's tunnels or zone's DNS records (CLOUDFLARE_PLACES)"
            throw noCapacity("cloudflare", what)
        }
        let subnets = settings.launch.subnetIDs
        let subnet = subnets.indices.min {
            use.subnets[subnets[$0], default: 0] < use.subnets[subnets[$1], default: 0]
        }
        let chosen = Placement(
            settings, place: place, subnet: subnet ?? 0, instanceType: instanceType)
        return (chosen, use)
    }

    /// Whether a tenant may have so many vCPUs more. Takes turns with signups, as `choose` does.
    func hasRoom(for vcpus: Int, in transaction: Transaction) async throws -> Bool {
        try await takeTurn(transaction)
        let used = try await use(transaction).vcpus
        return vcpus <= 0 || used + vcpus <= settings.maximumVCPUs
    }

    private func takeTurn(_ transaction: Transaction) async throws {
        _ = try await transaction.query("SELECT pg_advisory_xact_lock(hashtext('placement')) AS held")
    }

    /// Tenants that still fit.
    func room(in place: CloudflarePlace, _ use: Use) -> Int {
        min(
            place.maximumTunnels - use.tunnels[place.accountID, default: 0],
            place.maximumRecords - use.records[place.zoneID, default: 0])
    }

    private func noCapacity(_ quota: String, _ what: String) -> AppError {
        AppError(
            .notReady, "no_capacity",
            "There is no room for another tenant: \(what) are used up. Nothing was created. "
                + "Raise the quota at the provider, then the setting; `cpctl capacity` shows all of them.",
            members: ["quota": quota])
    }
}
