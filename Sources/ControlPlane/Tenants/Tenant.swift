import FoundationEssentials
import Postgres

/// The one instance of an organisation, as the platform knows it.
struct Tenant: Sendable {
    var orgID: UUID
    var launchID: UUID
    var launch: Launch?
    var secretsSealed: [UInt8]?
    var tunnelID: String?
    var instanceID: String?
    var privateIP: String?
    var enrolledAt: Date?
    var confirmedAt: Date?
    var provisioningAt: Date
    var runningAt: Date?
    /// `sha256:...` of the molecule-tenant image that runs, as the agent reported it.
    var imageDigest: String?
    /// Of the other services, by name, where a redeploy has changed them.
    var serviceDigests: [String: String] = [:]
    var consoleTail: String?
    var placement: Placement?
    var snapshotID: String?
    /// Of the instance since it was changed; nil: what the launch says.
    var instanceType: String?

    /// What the instance is, as far as the platform knows.
    var runningType: String? { instanceType ?? launch?.instanceType }
}

extension Tenant {
    static let columns: SQL =
        """
        org_id, launch_id, launch, secrets_sealed, tunnel_id, instance_id, private_ip, enrolled_at,
            confirmed_at,
        provisioning_at, running_at, image_digest, service_digests, console_tail, cloudflare_account_id,
            cloudflare_zone_id, subnet_id, vcpus, snapshot_id,
            instance_type
        """

    init(_ row: Row) throws {
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
    func digest(of service: StackService) -> String? {
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
