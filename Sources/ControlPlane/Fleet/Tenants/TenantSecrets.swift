import Digests

/// The secrets of one tenant, at rest only under envelope encryption.
package struct TenantSecrets: Codable, Sendable {
    /// In the instance's user-data: can report stages for, and enrol, this one launch.
    package var bootToken: String
    package var adminToken: String
    /// base64 of 32 bytes.
    package var secretsEncryptionKey: String
    package var databasePassword: String
    /// Known once the tunnel exists.
    package var tunnelToken: String?

    package static func generate() -> TenantSecrets {
        TenantSecrets(
            bootToken: "boot_" + RandomSecret.hex(bytes: 32),
            adminToken: newAdminToken(),
            secretsEncryptionKey: RandomSecret.base64(bytes: 32),
            databasePassword: RandomSecret.hex(bytes: 24))
    }

    package static func newAdminToken() -> String { "adm_" + RandomSecret.hex(bytes: 32) }

    /// What the data on a volume was written under.
    mutating func keepKeys(of earlier: TenantSecrets) {
        secretsEncryptionKey = earlier.secretsEncryptionKey
        databasePassword = earlier.databasePassword
    }
}
