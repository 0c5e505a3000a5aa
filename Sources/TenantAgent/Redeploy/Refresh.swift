import DurableFiles
import TenantProtocol

/// The platform's configuration on its way to this instance, and with it another admin token where one is to
/// follow: molecule-tenant gets them by a replacement of its container, and when that fails those before are
/// in force again.
struct Refresh: Sendable {
    let installation: Installation
    let metadata: InstanceMetadata

    /// Puts the platform's present configuration in force.
    /// - Returns: the one before; nil when there was none
    func fetch() async throws -> [UInt8]? {
        guard let platform = PlatformClient(try installation.declaration()) else {
            throw StageFailure(.invalidDeclaration, "this tenant has no platform")
        }
        guard var secrets = try installation.secrets() else {
            throw StageFailure(.internalError, "this instance has no secrets yet: it has not been booted")
        }
        let before = try Files.read(installation.configurationPath)
        secrets = try await rotation.fetch(from: platform, secrets)
        do {
            _ = try await TenantConfiguration(installation: installation)
                .refresh(from: platform, secrets, metadata: metadata)
        } catch {
            try restore(before)
            throw error
        }
        return before
    }

    /// molecule-tenant runs with what is on the disk.
    func settle() async { await rotation.confirm() }

    private var rotation: Rotation { Rotation(installation: installation) }

    func restore(_ before: [UInt8]?) throws {
        _ = try rotation.goBack()
        guard let before else { return }
        try Files.replace(installation.configurationPath, with: before, mode: 0o600)
    }
}
