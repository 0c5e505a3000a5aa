import FoundationEssentials
import Postgres
import Providers

/// The one instance of an organisation, as the platform knows it.
package struct Tenant: Sendable {
    package var orgID: UUID
    package var launchID: UUID
    package var launch: Launch?
    var secretsSealed: [UInt8]?
    package var tunnelID: String?
    package var instanceID: String?
    package var privateIP: String?
    package var enrolledAt: Date?
    package var confirmedAt: Date?
    var provisioningAt: Date
    package var runningAt: Date?
    /// `sha256:...` of the molecule-tenant image that runs, as the agent reported it.
    package var imageDigest: String?
    /// Of the other services, by name, where a redeploy has changed them.
    var serviceDigests: [String: String] = [:]
    package var consoleTail: String?
    var placement: Placement?
    var snapshotID: String?
    /// Of the instance since it was changed; nil: what the launch says.
    package var instanceType: String?

    package init(
        orgID: UUID, launchID: UUID, launch: Launch? = nil, secretsSealed: [UInt8]? = nil,
        tunnelID: String? = nil, instanceID: String? = nil, privateIP: String? = nil, enrolledAt: Date? = nil,
        confirmedAt: Date? = nil, provisioningAt: Date, runningAt: Date? = nil, imageDigest: String? = nil,
        serviceDigests: [String: String] = [:], consoleTail: String? = nil, placement: Placement? = nil,
        snapshotID: String? = nil, instanceType: String? = nil
    ) {
        self.orgID = orgID
        self.launchID = launchID
        self.launch = launch
        self.secretsSealed = secretsSealed
        self.tunnelID = tunnelID
        self.instanceID = instanceID
        self.privateIP = privateIP
        self.enrolledAt = enrolledAt
        self.confirmedAt = confirmedAt
        self.provisioningAt = provisioningAt
        self.runningAt = runningAt
        self.imageDigest = imageDigest
        self.serviceDigests = serviceDigests
        self.consoleTail = consoleTail
        self.placement = placement
        self.snapshotID = snapshotID
        self.instanceType = instanceType
    }

    /// What the instance is, as far as the platform knows.
    package var runningType: String? { instanceType ?? launch?.instanceType }
}

extension Tenant {
    package static let columns: SQL =
        """
        org_id, launch_id, launch, secrets_sealed, tunnel_id, instance_id, private_ip, enrolled_at,
            confirmed_at,
        provisioning_at, running_at, image_digest, service_digests, console_tail, cloudflare_account_id,
            cloudflare_zone_id, subnet_id, vcpus, snapshot_id,
            instance_type
        """

    package init(_ row: Row) throws {
        orgID = try row["org_id", as: UUID.self]
        launchID = try row["launch_id", as: UUID.self]
        launch = try row["launch", as: JSON<Launch>?.self]?.value
        secretsSealed = try row["secrets_sealed", as: [UInt8]?.self]
        tunnelID = try row["tunnel_id", as: String?.self]
        instanceID = try row["instance_id", as: String?.self]
        privateIP = try row["private_ip", as: String?.self]
        enrolledAt = try row["enrolled_at", as: Date?.self]
        confirmedAt = try row["confirmed_at", as: Date?.self]
        provisioningAt = try row["provisioning_at", as: Date.self]
        runningAt = try row["running_at", as: Date?.self]
        imageDigest = try row["image_digest", as: String?.self]
        serviceDigests = try row["service_digests", as: JSON<[String: String]>.self].value
        consoleTail = try row["console_tail", as: String?.self]
        placement = try Placement(row)
        snapshotID = try row["snapshot_id", as: String?.self]
        instanceType = try row["instance_type", as: String?.self]
    }
}

extension Tenant {
    /// Of the service's image that runs, as far as the platform knows.
    package func digest(of service: StackService) -> String? {
        StackDigests(tenant: imageDigest, others: serviceDigests, launch: launch).digest(of: service)
    }
}

/// What is known of the images that a tenant runs.
struct StackDigests: Sendable {
    /// Of molecule-tenant.
    var tenant: String?
    /// By service, where a redeploy has changed them.
    var others: [String: String]
    /// What it began with.
    var launch: Launch?

    func digest(of service: StackService) -> String? {
        if service == .tenant { return tenant }
        if let digest = others[service.rawValue] { return digest }
        let launched: String? =
            switch service {
            case .tenant: launch?.stack.tenant
            case .memoryPlugin: launch?.stack.memoryPlugin
            case .redis: launch?.stack.redis
            case .postgres: launch?.stack.postgres
            case .cloudflared: launch?.stack.cloudflared
            }
        return launched.flatMap { ImageReference($0).digest }
    }
}
