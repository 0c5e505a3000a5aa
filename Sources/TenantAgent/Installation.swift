import DurableFiles
import FoundationEssentials
import TenantProtocol
import TenantSpool

/// Where the agent's files are. The boot script wrote the first two and shares the counter and the spool.
struct Installation: Sendable {
    var etc = "/etc/molecule"
    var state = "/var/lib/molecule"

    var declarationPath: String { "\(etc)/declaration.json" }
    var bootTokenPath: String { "\(etc)/boot-token" }
    /// Mode 0600, as is the configuration.
    var secretsPath: String { "\(etc)/secrets.json" }
    /// The admin token before the one in the secrets, until the platform has ended it. Mode 0600.
    var previousTokenPath: String { "\(etc)/previous-admin-token" }
    var configurationPath: String { "\(etc)/config.json" }
    /// Present only where the declaration names a private certificate authority.
    var authoritiesPath: String { "\(etc)/ca-bundle.pem" }

    /// A self-hosted tenant's access to its image registry; used only when no other user can read it.
    var registryPath: String { "\(etc)/registry.json" }

    /// There when the platform knows that the secrets arrived.
    var enrolledPath: String { "\(state)/enrolled" }
    var sequencePath: String { "\(state)/boot-sequence" }
    var spoolPath: String { "\(state)/spool" }
    var stackStatePath: String { "\(state)/stack.json" }
    /// The reports of the last redeploys that had an id.
    var redeployRecordsPath: String { "\(state)/redeploys.json" }
    /// What molecule-tenant's metrics said in the last hour.
    var observationsPath: String { "\(state)/observations.json" }
    /// Of molecule-tenant, mounted into its container: its spool and the settings that it keeps. It belongs
    /// to the container's user, mode 0700; the agent reads and removes in it by way of `Folder` alone.
    var tenantDataPath: String { "\(state)/tenant" }
    /// How far the spool has been sent. No container sees it.
    var deliveryPath: String { "\(state)/delivery" }
    var spoolFolders: SpoolFolders { SpoolFolders(tenant: tenantDataPath, delivery: deliveryPath) }
    /// The secrets of containers, a folder each, a file each. Mode 0700.
    var containerSecretsPath: String { "\(state)/secrets" }
    /// Held while containers are changed.
    var stackLockPath: String { "\(state)/stack.lock" }
    /// Held by a redeploy from start to end: the second one is told so.
    var redeployLockPath: String { "\(state)/redeploy.lock" }

    func declaration() throws -> Declaration {
        guard let bytes = try Files.read(declarationPath) else {
            throw StageFailure(.invalidDeclaration, "\(declarationPath) is missing")
        }
        do {
            return try JSONDecoder().decode(Declaration.self, from: Data(bytes))
        } catch {
            throw StageFailure(.invalidDeclaration, "\(declarationPath) is not a declaration")
        }
    }

    func bootToken() throws -> String? {
        guard let bytes = try Files.read(bootTokenPath) else { return nil }
        let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        return token.isEmpty ? nil : token
    }

    func secrets() throws -> EnrolmentGrant? {
        guard let bytes = try Files.read(secretsPath) else { return nil }
        return try JSONDecoder().decode(EnrolmentGrant.self, from: Data(bytes))
    }

    func write(_ secrets: EnrolmentGrant) throws {
        try Files.replace(secretsPath, with: try encoded(secrets), mode: 0o600)
    }
}

/// Sorted keys: the same value gives the same bytes.
func encoded(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
}
