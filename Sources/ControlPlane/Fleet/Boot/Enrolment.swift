import AdminProtocol
import Digests
import FoundationEssentials
import Postgres
import TenantProtocol

/// Hands a tenant's secrets to its instance, once.
package struct Enrolment: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    /// Seconds after which an instance that came too early may ask again.
    package static let retrySeconds = 2

    /// - Throws: `unauthenticated` unless the credential is the boot token of its organisation.
    package func tenant(of credential: TenantCredential) async throws -> Tenant {
        let rows = try await fleet.database.query(
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
    package func grant(_ tenant: Tenant, _ instanceID: String, agentVersion: String) async throws
        -> EnrolmentGrant
    {
        guard let expected = tenant.instanceID, let secrets = try await openSecrets(tenant) else {
            throw AppError(
                .notReady, "enrolment_not_ready", "The platform has not recorded this launch yet. Ask again.",
                retryAfter: Self.retrySeconds)
        }
        guard instanceID == expected else { throw Self.refused("it names another instance") }
        try await TenantStore(database: fleet.database).recordEnrolment(
            org: tenant.orgID, agentVersion: String(agentVersion.prefix(64)))
        return secrets
    }

    /// The tenant has its secrets on disk: from here on the boot token opens nothing. Safe to say twice.
    package func confirm(org: UUID) async throws {
        try await fleet.database.transaction { transaction in
            try await TenantStore(database: transaction).confirmEnrolment(org: org)
            try await fleet.engine.wake(subject: org.text, in: transaction)
        }
    }

    /// Takes the credentials of an adopted tenant from its own instance, once: the document proves the
    /// instance, and that no credential is known yet leaves nothing to take over.
    /// - Throws: `unauthenticated` unless the tenant was adopted and knows no credential.
    package func again(
        _ credential: TenantCredential, adminToken: String, _ instanceID: String, _ body: ReEnrolmentRequest
    ) async throws {
        let secrets = TenantSecrets(
            bootToken: RandomSecret.hex(bytes: 32), adminToken: adminToken,
            secretsEncryptionKey: body.secretsEncryptionKey, databasePassword: body.databasePassword)
        let sealed = try await fleet.secrets.seal(secrets)
        let adopted = try await fleet.database.query(
            """
            SELECT instance_id FROM tenants
            WHERE org_id = \(credential.orgID) AND adopted_at IS NOT NULL AND admin_token_hash IS NULL
            """)
        guard let row = adopted.first else { throw AppError.unauthenticated }
        guard try row["instance_id", as: String?.self] == instanceID else {
            throw Self.refused("it names another instance")
        }
        let taken = try await fleet.database.execute(
            """
            UPDATE tenants SET admin_token_hash = \(credential.token.bytes), secrets_sealed = \(sealed),
                agent_version = \(String(body.agentVersion.prefix(64))), enrolled_at = now(),
                confirmed_at = now()
            WHERE org_id = \(credential.orgID) AND adopted_at IS NOT NULL AND admin_token_hash IS NULL
                AND instance_id = \(instanceID)
            """)
        guard taken == 1 else { throw AppError.unauthenticated }
    }

    package static func refused(_ reason: String) -> AppError {
        AppError(.forbidden, "enrolment_refused", "The instance identity document was refused: \(reason).")
    }

    /// nil while the tunnel's token is not kept yet.
    private func openSecrets(_ tenant: Tenant) async throws -> EnrolmentGrant? {
        let secrets = try await fleet.openSecrets(of: tenant)
        guard let tunnelToken = secrets.tunnelToken else { return nil }
        return EnrolmentGrant(
            adminToken: secrets.adminToken, secretsEncryptionKey: secrets.secretsEncryptionKey,
            databasePassword: secrets.databasePassword,
            sharedSecret: fleet.settings.sharedSecret, tunnelToken: tunnelToken)
    }
}
