import AdminProtocol
import Digests
import FoundationEssentials
import Postgres

/// The rows of `tenants`.
package struct TenantStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func insert(org: UUID, launchID: UUID, _ placement: Placement) async throws {
        try await database.execute(
            """
            INSERT INTO tenants (org_id, launch_id, cloudflare_account_id, cloudflare_zone_id, subnet_id,
                vcpus)
            VALUES (\(org), \(launchID), \(placement.accountID), \(placement.zoneID),
                \(placement.subnetID), \(placement.vcpus))
            """)
    }

    /// Another launch of the same tenant. Its keys stay, for the volume that it may start from; what the last
    /// launch was made of and said is forgotten.
    func relaunch(org: UUID, launchID: UUID, _ placement: Placement, snapshotID: String?) async throws {
        try await database.execute(
            """
            UPDATE tenants SET launch_id = \(launchID), launch = NULL, boot_token_hash = NULL,
                admin_token_hash = NULL, next_token_hash = NULL, next_secrets_sealed = NULL,
                tunnel_id = NULL, instance_id = NULL, private_ip = NULL,
                enrolled_at = NULL, confirmed_at = NULL, provisioning_at = now(), running_at = NULL,
                image_digest = NULL, service_digests = '{}', console_tail = NULL,
                snapshot_id = \(snapshotID),
                cloudflare_account_id = \(placement.accountID), cloudflare_zone_id = \(placement.zoneID),
                subnet_id = \(placement.subnetID), vcpus = \(placement.vcpus), instance_type = NULL,
                resized_at = NULL, resize_id = NULL
            WHERE org_id = \(org)
            """)
    }

    /// Gives back the room that the tenant took of every quota.
    package func release(org: UUID) async throws {
        try await database.execute(
            """
            UPDATE tenants SET cloudflare_account_id = NULL, cloudflare_zone_id = NULL, subnet_id = NULL,
                vcpus = 0, tunnel_id = NULL, instance_id = NULL, private_ip = NULL
            WHERE org_id = \(org)
            """)
    }

    package func find(org: UUID) async throws -> Tenant? {
        let rows = try await database.query("SELECT \(Tenant.columns) FROM tenants WHERE org_id = \(org)")
        return try rows.first.map(Tenant.init)
    }

    /// As `find`, and nobody changes it until the transaction ends.
    package func lock(org: UUID) async throws -> Tenant? {
        let rows = try await database.query(
            "SELECT \(Tenant.columns) FROM tenants WHERE org_id = \(org) FOR NO KEY UPDATE")
        return try rows.first.map(Tenant.init)
    }

    /// - Throws: `tenant_gone` (409) when it was torn down.
    package func require(org: UUID) async throws -> Tenant {
        guard let tenant = try await find(org: org) else {
            throw AppError(.conflict, "tenant_gone", "The tenant has been torn down.")
        }
        return tenant
    }

    package func decide(org: UUID, launch: Launch, launchID: UUID, _ userData: UserData) async throws {
        try await database.execute(
            "UPDATE tenants SET launch = \(JSON(launch)) WHERE org_id = \(org)")
        try await database.execute(
            """
            INSERT INTO launch_user_data (org_id, launch_id, user_data)
            VALUES (\(org), \(launchID), \(userData.text))
            ON CONFLICT (org_id) DO UPDATE
                SET launch_id = excluded.launch_id, user_data = excluded.user_data
            """)
    }

    /// - Returns: nil for a launch that an earlier version decided, which did not record it.
    func userData(of tenant: Tenant) async throws -> UserData? {
        let rows = try await database.query(
            """
            SELECT user_data FROM launch_user_data
            WHERE org_id = \(tenant.orgID) AND launch_id = \(tenant.launchID)
            """)
        return try rows.first.map { UserData(recorded: try $0["user_data"]) }
    }

    package func issue(org: UUID, sealed: [UInt8], bootToken: TokenHash, adminToken: TokenHash) async throws {
        try await database.execute(
            """
            UPDATE tenants SET secrets_sealed = \(sealed), boot_token_hash = \(bootToken.bytes),
                admin_token_hash = \(adminToken.bytes), next_token_hash = NULL, next_secrets_sealed = NULL
            WHERE org_id = \(org)
            """)
    }

    func recordTunnel(org: UUID, tunnelID: String, sealed: [UInt8]) async throws {
        try await database.execute(
            "UPDATE tenants SET tunnel_id = \(tunnelID), secrets_sealed = \(sealed) WHERE org_id = \(org)")
    }

    func recordInstance(org: UUID, instanceID: String, privateIP: String?) async throws {
        try await database.execute(
            "UPDATE tenants SET instance_id = \(instanceID), private_ip = \(privateIP) WHERE org_id = \(org)")
    }

    func recordEnrolment(org: UUID, agentVersion: String) async throws {
        try await database.execute(
            """
            UPDATE tenants SET agent_version = \(agentVersion), enrolled_at = coalesce(enrolled_at, now())
            WHERE org_id = \(org)
            """)
    }

    /// From here on the boot token opens nothing.
    package func confirmEnrolment(org: UUID) async throws {
        try await database.execute(
            """
            UPDATE tenants SET boot_token_hash = NULL, confirmed_at = coalesce(confirmed_at, now())
            WHERE org_id = \(org)
            """)
    }

    func recordRunning(org: UUID, imageDigest: String) async throws {
        try await database.execute(
            """
            UPDATE tenants SET running_at = coalesce(running_at, now()), image_digest = \(imageDigest)
            WHERE org_id = \(org)
            """)
    }

    /// - Parameter digest: as the agent reported it; nil when it told none.
    func recordImage(org: UUID, _ service: StackService, digest: String?) async throws {
        guard let digest else { return }
        guard service != .tenant else {
            try await database.execute(
                "UPDATE tenants SET image_digest = \(digest) WHERE org_id = \(org)")
            return
        }
        try await database.execute(
            """
            UPDATE tenants SET service_digests = service_digests || \(JSON([service.rawValue: digest]))
            WHERE org_id = \(org)
            """)
    }

    /// By organisation.
    package func launches(of orgs: [UUID]) async throws -> [UUID: Launch] {
        let rows = try await database.query(
            "SELECT org_id, launch FROM tenants WHERE org_id = ANY(\(orgs)) AND launch IS NOT NULL")
        return try rows.reduce(into: [:]) { found, row in
            found[try row["org_id", as: UUID.self]] = try row["launch", as: JSON<Launch>.self].value
        }
    }

    func recordConsole(org: UUID, tail: String) async throws {
        try await database.execute("UPDATE tenants SET console_tail = \(tail) WHERE org_id = \(org)")
    }

    /// No credential of the tenant opens anything from here on.
    func revokeCredentials(org: UUID) async throws {
        try await database.execute(
            """
            UPDATE tenants SET boot_token_hash = NULL, admin_token_hash = NULL, next_token_hash = NULL,
                next_secrets_sealed = NULL
            WHERE org_id = \(org)
            """)
    }

    package func delete(org: UUID) async throws {
        try await database.execute(
            "DELETE FROM boot_events WHERE launch_id IN (SELECT launch_id FROM tenants WHERE org_id = \(org))"
        )
        try await database.execute("DELETE FROM redeploys WHERE org_id = \(org)")
        try await database.execute("DELETE FROM resizes WHERE org_id = \(org)")
        try await database.execute("DELETE FROM tenants WHERE org_id = \(org)")
    }
}
