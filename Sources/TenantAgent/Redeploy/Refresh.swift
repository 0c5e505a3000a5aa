import TenantProtocol

/// The platform's configuration on its way to this instance: molecule-tenant gets it by a replacement of its
/// container, and when that fails the configuration before is in force again.
struct Refresh: Sendable {
    let installation: Installation
    let metadata: InstanceMetadata

    /// Puts the platform's present configuration in force.
    /// - Returns: the one before; nil when there was none
    func fetch() async throws -> [UInt8]? {
        guard let platform = PlatformClient(try installation.declaration()) else {
            throw StageFailure(.invalidDeclaration, "this tenant has no platform")
        }
        guard let secrets = try installation.secrets() else {
            throw StageFailure(.internalError, "this instance has no secrets yet: it has not been booted")
        }
        let before = try Files.read(installation.configurationPath)
        _ = try await TenantConfiguration(installation: installation)
            .refresh(from: platform, secrets, metadata: metadata)
        return before
    }

    func restore(_ before: [UInt8]?) throws {
        guard let before else { return }
        try Files.replace(installation.configurationPath, with: before, mode: 0o600)
    }
}
