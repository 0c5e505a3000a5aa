import AdminProtocol
import CurlHTTP
import FoundationEssentials
import Organisations
import Postgres
import Providers
import TenantProtocol

/// Looks for what to adopt, and writes the rows of what is adopted.
package struct AdoptionWriting: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var settings: FleetSettings { fleet.settings }

    /// The cloud before the rows: see `Comparison`.
    package func find() async throws -> [Adoptee] {
        let patience = ProviderPatience {}
        let mine = [EC2Filter(name: "tag:\(ResourceTag.platform)", values: [settings.platformID])]
        let instances = try await patience.call { try await fleet.ec2.describeInstances(filters: mine) }
        let cloud = try await CloudReading(fleet: fleet).read(patience)
        let rows = try await PlatformReading(fleet: fleet).read()
        return Adoption(platformID: settings.platformID).adoptees(instances, cloud, rows)
    }

    /// Writes one tenant's rows in one commit.
    package func adopt(_ adoptee: Adoptee) async throws {
        let launch = try await launch(adoptee)
        let digest = ImageReference(launch.stack.tenant).digest
        try await fleet.database.transaction { transaction in
            try await transaction.execute(
                """
                INSERT INTO orgs (id, slug, name, owner_user_id, status)
                VALUES (\(adoptee.orgID), \(adoptee.slug), \(adoptee.slug), 'unknown', 'running')
                    ON CONFLICT (id) DO UPDATE SET status = 'running', updated_at = now()
                """)
            try await writeTenant(adoptee, launch, digest: digest, in: transaction)
            try await writeLedger(adoptee, launch, ResourceLedger(database: transaction))
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "tenant.adopted", org: adoptee.orgID, subject: adoptee.slug,
                    after: [
                        "change": .string(adoptee.change.rawValue),
                        "instance_id": .string(adoptee.instanceID), "tunnel_id": .text(adoptee.tunnelID),
                    ]),
                by: .command("adopt"))
        }
    }

    /// Credentials of the same launch stay; those of another are of no use.
    private func writeTenant(
        _ adoptee: Adoptee, _ launch: Launch, digest: String?, in transaction: Transaction
    ) async throws {
        let vcpus = InstanceType.vcpus(of: launch.instanceType)
        try await transaction.execute(
            """
            INSERT INTO tenants AS known (org_id, launch_id, launch, tunnel_id, instance_id, private_ip,
                cloudflare_account_id, cloudflare_zone_id, subnet_id, vcpus, image_digest, running_at,
                instance_type, adopted_at)
            VALUES (\(adoptee.orgID), \(adoptee.launchID), \(JSON(launch)), \(adoptee.tunnelID),
                \(adoptee.instanceID), \(adoptee.privateIP), \(launch.cloudflareAccountID),
                \(launch.cloudflareZoneID), \(launch.subnetID), \(vcpus), \(digest), now(),
                \(launch.instanceType), now())
            ON CONFLICT (org_id) DO UPDATE SET launch_id = EXCLUDED.launch_id,
                launch = CASE WHEN known.launch_id = EXCLUDED.launch_id
                    THEN coalesce(known.launch, EXCLUDED.launch) ELSE EXCLUDED.launch END,
                tunnel_id = EXCLUDED.tunnel_id, instance_id = EXCLUDED.instance_id,
                private_ip = EXCLUDED.private_ip,
                cloudflare_account_id = EXCLUDED.cloudflare_account_id,
                cloudflare_zone_id = EXCLUDED.cloudflare_zone_id, subnet_id = EXCLUDED.subnet_id,
                vcpus = EXCLUDED.vcpus, instance_type = EXCLUDED.instance_type, resize_id = NULL,
                image_digest = EXCLUDED.image_digest,
                running_at = coalesce(known.running_at, now()), adopted_at = now(), boot_token_hash = NULL,
                admin_token_hash =
                    CASE WHEN known.launch_id = EXCLUDED.launch_id THEN known.admin_token_hash END,
                secrets_sealed = CASE WHEN known.launch_id = EXCLUDED.launch_id THEN known.secrets_sealed END
            """)
    }

    private func writeLedger(_ adoptee: Adoptee, _ launch: Launch, _ ledger: ResourceLedger) async throws {
        let zone = launch.cloudflareZoneID ?? ""
        let account = launch.cloudflareAccountID ?? ""
        let things: [(ResourceLedger.Kind, intent: String, id: String?, place: String)] = [
            (.instance, adoptee.launchID.text, adoptee.instanceID, settings.region),
            (.tunnel, launch.tunnelName, adoptee.tunnelID, account),
            (.tunnelConfiguration, launch.tunnelName, adoptee.tunnelID, account),
            (.dnsRecord, launch.hostname, adoptee.recordID, zone),
        ]
        for thing in things {
            guard let id = thing.id else { continue }
            try await ledger.intend(thing.0, intentID: thing.intent, org: adoptee.orgID, place: thing.place)
            try await ledger.created(
                thing.0, intentID: thing.intent, providerID: id, CallRecord(operation: "adopt"))
        }
    }

    // MARK: What cannot be read from the cloud

    /// The launch as the cloud shows it; what it does not show, as a launch of today would be.
    private func launch(_ adoptee: Adoptee) async throws -> Launch {
        var placement = Placement(settings, place: 0, subnet: 0)
        placement.accountID = adoptee.accountID ?? placement.accountID
        placement.zoneID = adoptee.zoneID ?? placement.zoneID
        placement.subnetID = adoptee.subnetID ?? placement.subnetID
        var launch = Launch(
            slug: adoptee.slug, launchID: adoptee.launchID, placement: placement,
            settings: settings,
            stack: try await fleet.registry.resolve(settings.launch.images))
        launch.hostname = adoptee.hostname ?? launch.hostname
        launch.tunnelName = adoptee.tunnelName ?? launch.tunnelName
        launch.imageID = adoptee.imageID ?? launch.imageID
        launch.instanceType = adoptee.instanceType ?? launch.instanceType
        if let digest = await runningDigest(adoptee.slug, launch) {
            var image = ImageReference(launch.stack.tenant)
            (image.tag, image.digest) = (nil, digest)
            launch.stack.tenant = image.pinned
        }
        return launch
    }

    private struct Health: Decodable {
        var imageDigest: String?
        enum CodingKeys: String, CodingKey { case imageDigest = "image_digest" }
    }

    /// What the tenant itself says that it runs.
    private func runningDigest(_ slug: String, _ launch: Launch) async -> String? {
        var request = HTTPRequest("GET", fleet.edgeURL(slug: slug, launch) + "/health")
        request.timeout = .seconds(10)
        guard let response = try? await fleet.http.send(request), response.status == 200,
            let health = try? JSONDecoder().decode(Health.self, from: Data(response.body)),
            let digest = health.imageDigest, ImageReference.isDigest(digest)
        else { return nil }
        return digest
    }

    // MARK: Credentials

    /// What the rows know of the tenant's credentials is not what its instance has: it is asked for them as
    /// an adopted one is.
    /// - Throws: `org_not_found` (404); `not_enrolled` (409) unless it runs on an instance that has enrolled.
    package func forgetCredentials(_ slug: Slug) async throws {
        try await fleet.database.transaction { transaction in
            let org = try await OrgStore(database: transaction).require(slug: slug)
            let forgotten = try await transaction.execute(
                """
                UPDATE tenants SET admin_token_hash = NULL, secrets_sealed = NULL, next_token_hash = NULL,
                    next_secrets_sealed = NULL, next_token_issued_at = NULL, next_token_used_at = NULL,
                    adopted_at = now()
                WHERE org_id = \(org.id) AND confirmed_at IS NOT NULL AND instance_id IS NOT NULL
                """)
            guard forgotten == 1, [.running, .suspended].contains(org.status) else {
                throw AppError(
                    .conflict, "not_enrolled",
                    "\(slug) does not run on an instance that has enrolled (it is \(org.status.rawValue)).")
            }
            try await AuditLog(database: transaction).record(
                AuditEvent(action: "tenant.credentials_forgotten", org: org.id, subject: slug.text),
                by: .command("adopt"))
        }
    }

    /// The instances whose credentials no row knows; each is told to enrol again.
    package func askToEnrol() async throws -> [String] {
        let rows = try await fleet.database.query(
            """
            SELECT instance_id FROM tenants
            WHERE adopted_at IS NOT NULL AND admin_token_hash IS NULL AND instance_id IS NOT NULL
            ORDER BY instance_id
            """)
        let ids = try rows.map { try $0["instance_id", as: String.self] }
        let patience = ProviderPatience {}
        for start in stride(from: 0, to: ids.count, by: GroupCommand.maximumInstances) {
            let some = Array(ids[start..<min(start + GroupCommand.maximumInstances, ids.count)])
            _ = try await patience.call {
                try await fleet.ssm.sendCommand(
                    instanceIDs: some, commands: [AgentCommand.refresh], deliverySeconds: 600,
                    limitSeconds: 600, comment: "enrol again")
            }
        }
        return ids
    }
}
