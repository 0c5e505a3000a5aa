import Logging

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What one run of the local cloud is told. See `ServeCommand` for the options and their defaults.
struct Settings: Sendable {
    enum DriverKind: String, Sendable { case docker, simulated }

    /// Port of each listener; 0 lets the kernel choose.
    struct Ports: Sendable {
        var aws = 0
        var cloudflare = 0
        var edge = 0
        var front = 0
        var tunnel = 0
        var metadata = 0
        var artifacts = 0
        var oidc = 0
        var stripe = 0
    }

    /// Marks this cloud's containers and firewall rules, so that two clouds do not touch each other's.
    var name: String
    var driver: DriverKind
    var ports: Ports
    /// Where operators and the control plane reach the services.
    var loopback = "127.0.0.1"
    /// Where instances reach the services: the first host of their subnet.
    var bridgeAddress: String
    /// Name of the bridge's network interface, also the Docker network's name.
    var bridge: String
    var subnet: Subnet
    var accountID = "123456789012"
    var aws: AWSCredentials
    var region: String
    var registry: RegistrySettings
    var cloudflare: CloudflareSettings
    var oidc: OIDCSettings
    var stripe: StripeSettings
    /// Base URL of the control plane behind the platform front.
    var controlPlane: Endpoint?
    /// Folder with the certificate authority and the identity key; what is missing is made.
    var folder: String
    /// Folder served to instances over GET.
    var artifacts: String?
    var readyFile: String?
    /// By AMI id.
    var images: [String: MachineImage]
    /// What callers may do at AWS; nil: everything.
    var policy: Policy?
    /// How long a new resource stays invisible to reads; zero is off.
    var consistencyDelay: Duration
    var throttling: Bool
    var simulation: Simulation
    var logger: Logger

    struct AWSCredentials: Sendable {
        var accessKeyID: String
        var secretAccessKey: String
        var sessionToken: String?
    }

    /// What ECR says of the image registry.
    struct RegistrySettings: Sendable {
        /// Without a trailing slash; nil: what the account's would be at AWS.
        var url: String?
        /// The same for the whole run, since a registry beside this cloud must know it.
        var password: String
        /// For how long a token is said to be valid.
        var tokenSeconds: Int
    }

    /// The one client of the OpenID Connect provider.
    struct OIDCSettings: Sendable {
        var clientID: String
        var clientSecret: String
    }

    /// Of the one account at Stripe.
    struct StripeSettings: Sendable {
        var keys: StripeKeys
        /// Where the account's events go from the start; nil: nowhere.
        var webhook: (url: String, secrets: [String])?
    }

    struct CloudflareSettings: Sendable {
        var apiToken: String
        /// At least one; the first is the one that the ready file names by itself.
        var places: [CloudflarePlace]
        /// 1,200 requests per 5 minutes, then 429.
        var throttling: Bool
        /// Of an account and of a zone whose place names no quota.
        var maximumTunnels: Int
        var maximumRecords: Int
    }

    /// An account, and one of its zones.
    struct CloudflarePlace: Codable, Sendable, Equatable {
        var accountID: String
        var zoneID: String
        /// The zone's name: what every record's name ends with.
        var domain: String
        var maximumTunnels: Int?
        var maximumRecords: Int?

        enum CodingKeys: String, CodingKey {
            case domain
            case accountID = "account_id"
            case zoneID = "zone_id"
            case maximumTunnels = "maximum_tunnels"
            case maximumRecords = "maximum_records"
        }
    }

    struct Endpoint: Sendable, Equatable {
        var host: String
        var port: Int
    }
}

/// An IPv4 network in which instances get their addresses.
struct Subnet: Sendable, Equatable {
    let base: UInt32
    let prefix: Int

    /// Hosts below this offset are kept for the bridge and other services.
    static let firstInstanceOffset: UInt32 = 10

    init?(_ text: String) {
        let halves = text.split(separator: "/")
        guard halves.count == 2, let prefix = Int(halves[1]), (8...30).contains(prefix),
            let address = Self.parse(String(halves[0]))
        else { return nil }
        self.prefix = prefix
        base = address & ~(UInt32.max >> UInt32(prefix))
    }

    var firstHost: String { Self.format(base + 1) }
    var text: String { "\(Self.format(base))/\(prefix)" }
    var instanceCapacity: Int { Int(UInt32.max >> UInt32(prefix)) - 1 - Int(Self.firstInstanceOffset) }

    /// The address of the instance slot `index`, from 0; nil when the subnet is full.
    func instanceAddress(_ index: Int) -> String? {
        index < instanceCapacity ? Self.format(base + Self.firstInstanceOffset + UInt32(index)) : nil
    }

    static func parse(_ text: String) -> UInt32? {
        let bytes = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard bytes.count == 4, !bytes.contains(nil) else { return nil }
        return bytes.compactMap(\.self).reduce(0) { $0 << 8 | UInt32($1) }
    }

    static func format(_ address: UInt32) -> String {
        [24, 16, 8, 0].map { String(address >> UInt32($0) & 0xff) }.joined(separator: ".")
    }
}
