import Digests

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The states of an instance with EC2's codes.
enum InstanceState: Int, Sendable {
    case pending = 0
    case running = 16
    case shuttingDown = 32
    case terminated = 48
    case stopping = 64
    case stopped = 80

    var name: String {
        switch self {
        case .pending: "pending"
        case .running: "running"
        case .shuttingDown: "shutting-down"
        case .terminated: "terminated"
        case .stopping: "stopping"
        case .stopped: "stopped"
        }
    }

    var isEnding: Bool { self == .shuttingDown || self == .terminated }
}

struct MetadataOptions: Sendable, Equatable {
    var tokensRequired = true
    /// 1 to 64: how many network hops the answer to a token request survives.
    var hopLimit = 2
    var enabled = true
    var tagsEnabled = false
}

struct StateReason: Sendable {
    var code: String
    var message: String
}

struct Instance: Sendable {
    let id: String
    let reservationID: String
    let launchIndex: Int
    let ordinal: Int
    let imageID: String
    var type: String
    let subnetID: String
    let zone: String
    let securityGroupIDs: [String]
    let privateAddress: String
    let userData: [UInt8]
    let profile: String?
    let clientToken: String?
    let metadata: MetadataOptions
    let launchedAt: Date
    let visibleAt: ContinuousClock.Instant
    let interfaceID: String
    let macAddress: String
    let volumes: [Volume]
    var state: InstanceState = .pending
    var reason: StateReason?
    var transitionReason = ""
    var tags: [String: String]
    /// When the SSM agent on it first registered.
    var agentRegisteredAt: Date?
    /// Since when it has not been heard of; nil while it is.
    var agentLostAt: Date?
    /// Console output kept from before the instance was removed.
    var lastConsole: String?

    /// The snapshot from which its root volume was made.
    var snapshotID: String? { volumes.first?.snapshotID }
    var hostname: String { "ip-" + privateAddress.replacing(".", with: "-") }
    var privateDNSName: String { hostname + ".ec2.internal" }
}

/// Memory of the instance types that can be launched, in MiB.
enum InstanceType {
    static let memoryMiB: [String: Int] = [
        "t3.nano": 512, "t3.micro": 1024, "t3.small": 2048, "t3.medium": 4096, "t3.large": 8192,
        "t3.xlarge": 16384, "t3a.small": 2048, "t3a.medium": 4096, "t3a.large": 8192, "m5.large": 8192,
        "m6i.large": 8192, "c5.large": 4096,
    ]
}

enum ResourceID {
    /// `i-` and 17 hexadecimal digits, as EC2's.
    static func random(_ prefix: String) -> String { "\(prefix)-\(hexadecimal(17))" }

    static func hexadecimal(_ count: Int) -> String {
        String(RandomSecret.hex(bytes: (count + 1) / 2).prefix(count))
    }

    static func uuid() -> String { UUID().uuidString.lowercased() }

    static func isWellFormed(_ id: String, _ prefix: String) -> Bool {
        guard id.hasPrefix(prefix + "-") else { return false }
        let rest = id.dropFirst(prefix.count + 1)
        return (rest.count == 17 || rest.count == 8) && rest.allSatisfy("0123456789abcdef".contains)
    }
}
