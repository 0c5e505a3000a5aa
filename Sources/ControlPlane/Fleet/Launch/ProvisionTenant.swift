import Digests
import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// From a signed-up organisation to a tenant that answers on its own hostname.
///
/// Read `run` from top to bottom: it is the story. Every step may run again after a crash, so each looks for
/// what an earlier run has created, or carries a token under which the provider creates only once.
struct ProvisionTenant: Sendable {
    static let kind = "provision_tenant"
    /// The step that calls RunInstances.
    static let launchStep = "run_instance"
    /// workspace-server, as the connector on the instance reaches it.
    static let tenantService = "http://127.0.0.1:8080"

    package struct Input: Codable, Sendable {
        package var orgID: UUID
        package var slug: String
        package var launchID: UUID

        package init(orgID: UUID, slug: String, launchID: UUID) {
            self.orgID = orgID
            self.slug = slug
            self.launchID = launchID
        }
    }

    let fleet: FleetContext
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        let launch = try await decideLaunch(context)
        try await issueCredentials(context)

        let tunnelID = try await createTunnel(context, launch)
        try await routeTunnel(context, launch, tunnelID)
        try await createDNSRecord(context, launch, tunnelID)

        try await launchInstance(context, launch)

        do {
            try await awaitBoot(context)
            try await awaitHealthy(context, launch)
        } catch let timeout as WaitTimedOut {
            try await keepConsole(context)
            throw try await explain(timeout)
        }
        try await recordRunning(context, launch)
    }
}

// MARK: - Decisions, before anything exists

extension ProvisionTenant {
    private var ledger: ResourceLedger { ResourceLedger(database: fleet.database) }
    private var tenants: TenantStore { TenantStore(database: fleet.database) }

    /// The configured images, with molecule-tenant's of the channel that the organisation follows.
    private func images(_ configured: StackImages) async throws -> StackImages {
        var images = configured
        let releases = ReleaseStore(database: fleet.database)
        if let digest = try await releases.meantDigest(org: input.orgID) {
            var tenant = ImageReference(configured.tenant)
            (tenant.tag, tenant.digest) = (nil, digest)
            images.tenant = tenant.pinned
        }
        return images
    }

    /// Resolves every tag to a digest and fixes the launch, so that repeated calls send the same parameters.
    /// Its commit also says in the ledger all that is about to be created.
    private func decideLaunch(_ context: WorkflowContext) async throws -> Launch {
        try await context.call(
            "decide_launch",
            { _ in
                let settings = fleet.settings
                let stack = try await fleet.registry.resolve(try await images(settings.launch.images))
                let tenant = try await tenants.require(org: input.orgID)
                var launch = Launch(
                    slug: input.slug, launchID: input.launchID, placement: tenant.placement,
                    snapshotID: tenant.snapshotID, settings: fleet.settings, stack: stack)
                launch.rootDevice = try await fleet.ec2.rootDevice(ofImage: launch.imageID)
                if let org = try await OrgStore(database: fleet.database).find(id: input.orgID) {
                    launch.instanceType = Launches(fleet: fleet).instanceType(of: org.plan)
                }
                let userData = try Launches(fleet: fleet)
                    .userData(launch, orgID: input.orgID, slug: input.slug)
                return (launch, userData)
            },
            record: { launch, userData, transaction in
                try await TenantStore(database: transaction).decide(
                    org: input.orgID, launch: launch, launchID: input.launchID, userData)
                try await intend(launch, ResourceLedger(database: transaction))
            })
    }

    private func intend(_ launch: Launch, _ ledger: ResourceLedger) async throws {
        let account = launch.cloudflareAccountID ?? ""
        let region = fleet.settings.region
        let intents: [(ResourceLedger.Kind, String, String)] = [
            (.tunnel, launch.tunnelName, account), (.tunnelConfiguration, launch.tunnelName, account),
            (.dnsRecord, launch.hostname, launch.cloudflareZoneID ?? ""),
            (.instance, input.launchID.text, region), (.volume, input.launchID.text, region),
        ]
        for (kind, intentID, place) in intents {
            try await ledger.intend(kind, intentID: intentID, org: input.orgID, place: place)
        }
    }

    /// The credential is committed before the instance that will present it can start. A tenant that comes
    /// back keeps the keys of its volume.
    private func issueCredentials(_ context: WorkflowContext) async throws {
        try await context.call(
            "issue_credentials",
            { _ in
                let tenant = try await tenants.require(org: input.orgID)
                var secrets = TenantSecrets.generate()
                if tenant.secretsSealed != nil {
                    secrets.keepKeys(of: try await fleet.openSecrets(of: tenant))
                }
                return (Issued(), (secrets, try await fleet.secrets.seal(secrets)))
            },
            record: { (_: Issued, detail: (secrets: TenantSecrets, sealed: [UInt8]), transaction) in
                try await TenantStore(database: transaction).issue(
                    org: input.orgID, sealed: detail.sealed,
                    bootToken: TokenHash(of: detail.secrets.bootToken),
                    adminToken: TokenHash(of: detail.secrets.adminToken))
            })
    }

    /// What is recorded of a step whose result is a secret: that it happened.
    private struct Issued: Codable, Sendable {}
}

// MARK: - The way in: tunnel and DNS

extension ProvisionTenant {
    private func cloudflare(_ launch: Launch) throws -> CloudflareClient {
        try fleet.cloudflare.at(accountID: launch.cloudflareAccountID, zoneID: launch.cloudflareZoneID)
    }

    /// Tunnels have unique names: when one is refused, an earlier try has created it.
    private func createTunnel(_ context: WorkflowContext, _ launch: Launch) async throws -> String {
        let tunnelID = try await context.create("create_tunnel", .tunnel, launch.tunnelName) {
            _ in
            let id = try await tunnel(launch)
            return (id, providerID: id)
        }
        try await context.call(
            "keep_tunnel_token",
            { _ in
                let token = try await cloudflare(launch).tunnelToken(id: tunnelID)
                var secrets = try await fleet.openSecrets(of: try await tenants.require(org: input.orgID))
                secrets.tunnelToken = token
                return (Issued(), try await fleet.secrets.seal(secrets))
            },
            record: { (_: Issued, sealed: [UInt8], transaction) in
                try await TenantStore(database: transaction).recordTunnel(
                    org: input.orgID, tunnelID: tunnelID, sealed: sealed)
            })
        return tunnelID
    }

    private func tunnel(_ launch: Launch) async throws -> String {
        let cloudflare = try cloudflare(launch)
        do {
            // The connector authenticates with the token alone; nobody needs this secret again.
            let secret = RandomSecret.base64(bytes: 32)
            return try await cloudflare.createTunnel(name: launch.tunnelName, secret: secret).id
        } catch let error as ProviderError where error.isTunnelNameTaken {
            guard let existing = try await cloudflare.findTunnel(name: launch.tunnelName) else {
                throw error.notVisibleYet
            }
            return existing.id
        }
    }

    /// What the tunnel carries: the tenant's hostname to workspace-server on the instance, nothing else.
    private func routeTunnel(_ context: WorkflowContext, _ launch: Launch, _ tunnelID: String) async throws {
        try await context.create(
            "route_tunnel", .tunnelConfiguration, launch.tunnelName
        ) { _ in
            try await cloudflare(launch).putTunnelConfiguration(
                id: tunnelID, hostname: launch.hostname, service: Self.tenantService)
            return (Issued(), providerID: tunnelID)
        }
    }

    private func createDNSRecord(_ context: WorkflowContext, _ launch: Launch, _ tunnelID: String)
        async throws
    {
        try await context.create("create_dns_record", .dnsRecord, launch.hostname) { _ in
            let id = try await dnsRecord(launch, content: "\(tunnelID).cfargotunnel.com")
            return (id, providerID: id)
        }
    }

    private func dnsRecord(_ launch: Launch, content: String) async throws -> String {
        let cloudflare = try cloudflare(launch)
        let comment = launch.recordComment(orgID: input.orgID)
        do {
            return try await cloudflare.createDNSRecord(
                type: "CNAME", name: launch.hostname, content: content, proxied: true, comment: comment
            ).id
        } catch let error as ProviderError where error.isRecordTaken {
            for record in try await cloudflare.findDNSRecords(name: launch.hostname) {
                if record.content == content { return record.id }
                try await removeStale(record, launch, cloudflare)
            }
            throw error.notVisibleYet
        }
    }

    /// A living organisation owns its slug, so a record of this platform's points to a tunnel that is gone.
    /// What somebody else has put there is not ours to take away.
    private func removeStale(_ record: DNSRecord, _ launch: Launch, _ cloudflare: CloudflareClient)
        async throws
    {
        guard record.comment?.hasPrefix("\(launch.platformID ?? "molecule") org ") == true else {
            throw PermanentFailure(
                code: "hostname_taken",
                message: "The zone has a record \(launch.hostname) that this platform did not create. "
                    + "Remove it, or choose another slug.")
        }
        try await cloudflare.deleteDNSRecord(id: record.id)
    }
}

// MARK: - The instance

extension ProvisionTenant {
    private func launchInstance(_ context: WorkflowContext, _ launch: Launch) async throws {
        try await context.create(
            Self.launchStep, .instance, input.launchID.text,
            { _ in
                let instance = try await Launches(fleet: fleet).runInstance(
                    launch, of: try await tenants.require(org: input.orgID), slug: input.slug)
                let launched = LaunchedInstance(
                    id: instance.id, privateIP: instance.privateIPAddress,
                    volumeID: instance.rootVolumeID)
                return (launched, providerID: instance.id)
            },
            record: { instance, transaction in
                try await TenantStore(database: transaction).recordInstance(
                    org: input.orgID, instanceID: instance.id, privateIP: instance.privateIP)
                guard let volumeID = instance.volumeID else { return }
                try await ResourceLedger(database: transaction).created(
                    .volume, intentID: input.launchID.text, providerID: volumeID, nil)
            })
    }

    private struct LaunchedInstance: Codable, Sendable {
        var id: String
        var privateIP: String?
        /// Often not known yet when the instance is.
        var volumeID: String?
    }
}
