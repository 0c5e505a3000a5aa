/// The accounts with their tunnels, and the zones with their records.
struct CloudflarePlaces: Sendable {
    let accounts: [String: Tunnels]
    let zones: [String: DNSRecords]

    /// A quota holds for an account or a zone however many places name it; the largest named one counts.
    init(_ settings: Settings.CloudflareSettings, connectors: Connectors) {
        accounts = Dictionary(grouping: settings.places, by: \.accountID).reduce(into: [:]) {
            let maximum = $1.value.compactMap(\.maximumTunnels).max() ?? settings.maximumTunnels
            $0[$1.key] = Tunnels(accountID: $1.key, maximum: maximum, connectors: connectors)
        }
        zones = Dictionary(grouping: settings.places, by: \.zoneID).reduce(into: [:]) {
            let maximum = $1.value.compactMap(\.maximumRecords).max() ?? settings.maximumRecords
            $0[$1.key] = DNSRecords(zoneName: $1.value[0].domain, maximum: maximum)
        }
    }

    func setEdgeAddress(_ address: String) async {
        for tunnels in accounts.values { await tunnels.setEdgeAddress(address) }
    }

    var livingTunnels: [(account: String, tunnel: Tunnel)] {
        get async {
            var all: [(String, Tunnel)] = []
            for (account, tunnels) in accounts.sorted(by: { $0.key < $1.key }) {
                all += await tunnels.living.map { (account, $0) }
            }
            return all
        }
    }

    var records: [(zone: String, record: DNSRecord)] {
        get async {
            var all: [(String, DNSRecord)] = []
            for (zone, records) in zones.sorted(by: { $0.key < $1.key }) {
                all += await records.all.map { (zone, $0) }
            }
            return all
        }
    }

    /// Whether the secret is the tunnel's, in whichever account it is; false for a deleted tunnel.
    func admits(_ tunnel: String, secret: String) async -> Bool {
        for tunnels in accounts.values where await tunnels.admits(tunnel, secret: secret) { return true }
        return false
    }

    /// The tunnel to which a hostname points, when a proxied CNAME of any zone says so.
    func tunnel(for hostname: String) async -> String? {
        for records in zones.values {
            if let tunnel = await records.tunnel(for: hostname) { return tunnel }
        }
        return nil
    }

    /// The service that the tunnel's configuration names for a hostname.
    func service(of tunnel: String, for hostname: String) async -> String? {
        for tunnels in accounts.values {
            if let service = await tunnels.service(of: tunnel, for: hostname) { return service }
        }
        return nil
    }
}
