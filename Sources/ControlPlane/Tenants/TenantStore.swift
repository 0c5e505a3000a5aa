import FoundationEssentials
import Postgres

/// The rows of `tenants`.
struct TenantStore: Sendable {
    let database: any PostgresExecutor

    func insert(org: UUID, launchID: UUID) async throws {
        try await database.execute("INSERT INTO tenants (org_id, launch_id) VALUES (\(org), \(launchID))")
    }

    func find(org: UUID) async throws -> Tenant? {
        let rows = try await database.query("SELECT \(Tenant.columns) FROM tenants WHERE org_id = \(org)")
        return try rows.first.map(Tenant.init)
    }

    /// - Throws: `tenant_gone` (409) when it was torn down.
    func require(org: UUID) async throws -> Tenant {
        guard let tenant = try await find(org: org) else {
            throw AppError(.conflict, "tenant_gone", "The tenant has been torn down.")
        }
        return tenant
    }

    /// Writes the launch unless one is written already; the first decision stays.
    func decide(org: UUID, launch: Launch) async throws -> Launch {
        let rows = try await database.query(
            """
            UPDATE tenants SET launch = coalesce(launch, \(JSON(launch))) WHERE org_id = \(org)
                RETURNING launch
            """)
        guard let row = rows.first else { throw AppError(.conflict, "tenant_gone", "The tenant is gone.") }
        return try row["launch", as: JSON<Launch>.self].value
    }

    /// Writes the credentials unless some are written already: they may be in a running instance's user-data.
    func issue(org: UUID, sealed: [UInt8], bootToken: TokenHash, adminToken: TokenHash) async throws {
        try await database.execute(
            """
            UPDATE tenants SET secrets_sealed = \(sealed), boot_token_hash = \(bootToken.bytes),
                admin_token_hash = \(adminToken.bytes)
            WHERE org_id = \(org) AND secrets_sealed IS NULL
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
    func confirmEnrolment(org: UUID) async throws {
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

    func recordImage(org: UUID, digest: String) async throws {
        try await database.execute("UPDATE tenants SET image_digest = \(digest) WHERE org_id = \(org)")
    }

    func recordConsole(org: UUID, tail: String) async throws {
        try await database.execute("UPDATE tenants SET console_tail = \(tail) WHERE org_id = \(org)")
    }

    /// No credential of the tenant opens anything from here on.
    func revokeCredentials(org: UUID) async throws {
        try await database.execute(
            "UPDATE tenants SET boot_token_hash = NULL, admin_token_hash = NULL WHERE org_id = \(org)")
    }

    func delete(org: UUID) async throws {
        try await database.execute(
            "DELETE FROM boot_events WHERE launch_id IN (SELECT launch_id FROM tenants WHERE org_id = \(org))"
        )
        try await database.execute("DELETE FROM redeploys WHERE org_id = \(org)")
        try await database.execute("DELETE FROM tenants WHERE org_id = \(org)")
    }
}
