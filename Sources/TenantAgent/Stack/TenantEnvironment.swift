import DurableFiles
import TenantProtocol

/// The variables of molecule-tenant. Names as its public images know them.
struct TenantEnvironment: Sendable {
    let stack: Stack
    let databaseURL: String
    let image: String
    /// Where it listens, as far as the image lets itself be told.
    let port: UInt16

    /// Inside the container.
    static let authoritiesPath = "/etc/molecule/ca-bundle.pem"

    /// Inside the container; what lies there outlives it.
    static let dataPath = "/var/lib/molecule"

    /// What a container's environment may show: where things are, and which tenant it is.
    var plain: [String: String] { handedOut.filter { configuration[$0.key] == nil }.merging(fixed) { $1 } }

    /// Secrets, and all that the platform hands out, some of which is secret. It may rotate what it handed
    /// out before, but not move the stack.
    var secret: [String: String] {
        sharedSecret.merging(configuration) { $1 }.filter { fixed[$0.key] == nil }.merging(ownSecrets) { $1 }
    }

    private var configuration: [String: String] {
        // `DATABASE_URL_FILE` would go before `DATABASE_URL`.
        stack.configuration.filter { !$0.key.hasSuffix(FileVariables.suffix) }
    }

    private var sharedSecret: [String: String] {
        guard stack.declaration.platform != nil else { return [:] }
        return ["MOLECULE_CP_SHARED_SECRET": stack.secrets.sharedSecret]
    }

    private var ownSecrets: [String: String] {
        [
            "ADMIN_TOKEN": stack.secrets.adminToken,
            "SECRETS_ENCRYPTION_KEY": stack.secrets.secretsEncryptionKey,
            "DATABASE_URL": databaseURL,
        ]
    }

    private var handedOut: [String: String] {
        guard let platform = stack.declaration.platform else { return [:] }
        return [
            "MOLECULE_CP_URL": platform.controlPlaneURL,
            "CP_UPSTREAM_URL": platform.controlPlaneURL,
        ]
    }

    private var fixed: [String: String] {
        var values = [
            "REDIS_URL": "redis://127.0.0.1:6379",
            "MEMORY_PLUGIN_URL": "http://127.0.0.1:9100",
            "WORKSPACE_LISTEN": "0.0.0.0:\(port)",
            "WORKSPACE_DATA": Self.dataPath,
        ]
        if let digest = ImageReference(image)?.digest { values["MOLECULE_IMAGE_DIGEST"] = digest }
        if stack.authoritiesPath != nil {
            values["CURL_CA_BUNDLE"] = Self.authoritiesPath
            values["SSL_CERT_FILE"] = Self.authoritiesPath
        }
        // A self-hosted tenant serves whoever reaches it: without an org's id the guard is off.
        if let platform = stack.declaration.platform {
            values["MOLECULE_ORG_ID"] = stack.declaration.orgID
            values["MOLECULE_ORG_SLUG"] = stack.declaration.orgSlug
            values["MOLECULE_PLATFORM_URL"] = platform.tenantURL
        }
        return values
    }
}
