import AdminProtocol

/// Where tenants' tunnels and DNS records live: one account, one zone of it, and the zone's domain.
package struct CloudflarePlace: Sendable, Codable, Equatable {
    package var accountID: String
    package var zoneID: String
    /// Tenants placed here live at `<slug>.<domain>`.
    package var domain: String
    /// A token for this account alone; nil: the common one.
    package var apiToken: String?
    /// Cloudflare's default is 1,000 tunnels an account.
    package var maximumTunnels = 1_000
    /// Cloudflare's default is 200 records on a new free zone.
    package var maximumRecords = 200

    package init(
        accountID: String, zoneID: String, domain: String, apiToken: String? = nil,
        maximumTunnels: Int = 1_000, maximumRecords: Int = 200
    ) {
        self.accountID = accountID
        self.zoneID = zoneID
        self.domain = domain
        self.apiToken = apiToken
        self.maximumTunnels = maximumTunnels
        self.maximumRecords = maximumRecords
    }

    /// Of both.
    package static let limits = 0...1_000_000

    enum CodingKeys: String, CodingKey {
        case domain
        case accountID = "account_id"
        case zoneID = "zone_id"
        case apiToken = "api_token"
        case maximumTunnels = "maximum_tunnels"
        case maximumRecords = "maximum_records"
    }
}

extension CloudflarePlace {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        accountID = try container.decode(String.self, forKey: .accountID)
        zoneID = try container.decode(String.self, forKey: .zoneID)
        domain = try container.decode(String.self, forKey: .domain)
        apiToken = try container.decodeIfPresent(String.self, forKey: .apiToken)
        maximumTunnels = try container.decodeIfPresent(Int.self, forKey: .maximumTunnels) ?? 1_000
        maximumRecords = try container.decodeIfPresent(Int.self, forKey: .maximumRecords) ?? 200
    }
}

/// The clients of every place. Answers are of the place that a launch remembers, also after its settings
/// changed: what was created there must be found there.
package struct Cloudflare: Sendable {
    private let clients: [CloudflareClient]

    package init(clients: [CloudflareClient]) { self.clients = clients }

    package var all: [CloudflareClient] { clients }

    /// The client of a place; of a launch that remembers none, the first.
    package func at(accountID: String?, zoneID: String?) throws -> CloudflareClient {
        guard let accountID, let zoneID else { return clients[0] }
        guard let client = clients.first(where: { $0.accountID == accountID && $0.zoneID == zoneID }) else {
            throw AppError(
                .internalError, "place_unknown",
                "CLOUDFLARE_PLACES names no account \(accountID) with zone \(zoneID) any more.")
        }
        return client
    }

    /// A client of the zone, whatever its account; of a row from before there was a choice, the first.
    package func at(zoneID: String) throws -> CloudflareClient {
        guard let client = clients.first(where: { $0.zoneID == zoneID }) else {
            return try at(accountID: nil, zoneID: nil)
        }
        return client
    }

    package func at(accountID: String) throws -> CloudflareClient {
        guard let client = clients.first(where: { $0.accountID == accountID }) else {
            return try at(accountID: nil, zoneID: nil)
        }
        return client
    }
}
