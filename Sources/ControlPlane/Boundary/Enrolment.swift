import FoundationEssentials
import Postgres
import TenantProtocol

/// Hands a tenant's secrets to its instance, once.
struct Enrolment: Sendable {
    let platform: Platform

    /// Seconds after which an instance that came too early may ask again.
    static let retrySeconds = 2

    /// - Throws: `unauthenticated` unless the credential is the boot token of its organisation.
    func tenant(of credential: TenantCredential) async throws -> Tenant {
        let rows = try await platform.database.query(
            """
            SELECT \(Tenant.columns) FROM tenants
            WHERE org_id = \(credential.orgID) AND boot_token_hash = \(credential.token.bytes)
            """)
        guard let row = rows.first else { throw AppError.unauthenticated }
        return try Tenant(row)
    }

    /// - Parameter instanceID: who asks, as the provider vouches for it.
    /// - Throws: `enrolment_not_ready` before the launch is recorded, `enrolment_refused` for another
    ///   instance.
    func grant(_ tenant: Tenant, _ instanceID: String, agentVersion: String) async throws -> EnrolmentGrant {
        guard let expected = tenant.instanceID, let secrets = try await openSecrets(tenant) else {
            throw AppError(
                .notReady, "enrolment_not_ready", "The platform has not recorded this launch yet. Ask again.",
                retryAfter: Self.retrySeconds)
        }
        guard instanceID == expected else { throw Self.refused("it names another instance") }
        try await TenantStore(database: platform.database).recordEnrolment(
            org: tenant.orgID, agentVersion: String(agentVersion.prefix(64)))
        return secrets
    }

    /// The tenant has its secrets on disk: from here on the boot token opens nothing. Safe to say twice.
    func confirm(org: UUID) async throws {
        try await platform.database.transaction { transaction in
            try await TenantStore(database: transaction).confirmEnrolment(org: org)
            try await platform.engine.wake(subject: org.text, in: transaction)
        }
    }

    static func refused(_ reason: String) -> AppError {
        AppError(.forbidden, "enrolment_refused", "The instance identity document was refused: \(reason).")
    }

    /// nil while the tunnel's token is not kept yet.
    private func openSecrets(_ tenant: Tenant) async throws -> EnrolmentGrant? {
        let secrets = try await platform.openSecrets(of: tenant)
        guard let tunnelToken = secrets.tunnelToken else { return nil }
        return EnrolmentGrant(
            adminToken: secrets.adminToken, secretsEncryptionKey: secrets.secretsEncryptionKey,
            databasePassword: secrets.databasePassword,
            sharedSecret: platform.configuration.secrets.provisionSharedSecret, tunnelToken: tunnelToken)
    }
}
