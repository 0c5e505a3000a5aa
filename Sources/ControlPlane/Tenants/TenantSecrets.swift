import Digests

/// The secrets of one tenant, at rest only under envelope encryption.
struct TenantSecrets: Codable, Sendable {
    /// In the instance's user-data: can report stages for, and enrol, this one launch.
    var bootToken: String
    var adminToken: String
    /// base64 of 32 bytes.
    var secretsEncryptionKey: String
    var databasePassword: String
    /// Known once the tunnel exists.
    var tunnelToken: String?

    static func generate() -> TenantSecrets {
        TenantSecrets(
            bootToken: "boot_" + RandomSecret.hex(bytes: 32),
            adminToken: newAdminToken(),
            secretsEncryptionKey: RandomSecret.base64(bytes: 32),
            databasePassword: RandomSecret.hex(bytes: 24))
    }

    static func newAdminToken() -> String { "adm_" + RandomSecret.hex(bytes: 32) }

    /// What the data on a volume was written under.
    mutating func keepKeys(of earlier: TenantSecrets) {
        secretsEncryptionKey = earlier.secretsEncryptionKey
        databasePassword = earlier.databasePassword
    }
}
