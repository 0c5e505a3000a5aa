/// `POST /cp/tenants/enroll`, authenticated by the boot token and `X-Molecule-Org-Id`.
///
/// Answers: 200 with `EnrolmentGrant`; 503 `enrolment_not_ready` with `Retry-After` while the platform has
/// not recorded the instance yet (ask again); 403 `enrolment_refused` (the document is not authentic, or
/// names another instance); 409 `already_enrolled` once the grant was confirmed; 401 for a bad token.
/// Until confirmation the same instance may ask again and gets the same secrets: the answer can be lost.
package struct EnrolmentRequest: Codable, Sendable {
    /// `/latest/dynamic/instance-identity/rsa2048`: base64 PKCS #7, without the BEGIN and END lines, which
    /// contains the identity document. Source: EC2 user guide, "Verify instance identity documents".
    package var identityPKCS7: String
    package var agentVersion: String

    /// Longest accepted document, in characters.
    package static let maximumDocumentLength = 16_384

    package init(identityPKCS7: String, agentVersion: String) {
        self.identityPKCS7 = identityPKCS7
        self.agentVersion = agentVersion
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case identityPKCS7 = "identity_pkcs7"
        case agentVersion = "agent_version"
    }
}

/// `POST /cp/tenants/re-enroll`, authenticated by the tenant's admin token, whose hash the platform has lost
/// with its database, and `X-Molecule-Org-Id`. An adopted instance proves itself by its identity document,
/// and gives back the keys that the platform had given it, which it needs to restore the tenant one day.
///
/// Answers: 204; 401 unless the tenant was adopted and has not been enrolled again since; 403
/// `enrolment_refused` as for enrolment.
package struct ReEnrolmentRequest: Codable, Sendable {
    package var identityPKCS7: String
    package var agentVersion: String
    package var secretsEncryptionKey: String
    package var databasePassword: String

    /// Longest accepted key, in characters.
    package static let maximumKeyLength = 256

    package init(identityPKCS7: String, agentVersion: String, secrets: EnrolmentGrant) {
        self.identityPKCS7 = identityPKCS7
        self.agentVersion = agentVersion
        secretsEncryptionKey = secrets.secretsEncryptionKey
        databasePassword = secrets.databasePassword
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case identityPKCS7 = "identity_pkcs7"
        case agentVersion = "agent_version"
        case secretsEncryptionKey = "secrets_encryption_key"
        case databasePassword = "database_password"
    }
}

/// The tenant's secrets, handed over once. The agent writes them 0600 and then confirms with
/// `POST /cp/tenants/enroll/confirm` (204), authenticated by the new admin token: from then on the boot
/// token opens nothing.
package struct EnrolmentGrant: Codable, Sendable {
    package var adminToken: String
    package var secretsEncryptionKey: String
    package var databasePassword: String
    package var sharedSecret: String
    /// What the tunnel's connector presents to the edge.
    package var tunnelToken: String

    package init(
        adminToken: String, secretsEncryptionKey: String, databasePassword: String, sharedSecret: String,
        tunnelToken: String
    ) {
        self.adminToken = adminToken
        self.secretsEncryptionKey = secretsEncryptionKey
        self.databasePassword = databasePassword
        self.sharedSecret = sharedSecret
        self.tunnelToken = tunnelToken
    }

    package enum CodingKeys: String, CodingKey {
        case adminToken = "admin_token"
        case secretsEncryptionKey = "secrets_encryption_key"
        case databasePassword = "database_password"
        case sharedSecret = "shared_secret"
        case tunnelToken = "tunnel_token"
    }
}
