import CurlHTTP
import TenantProtocol

/// What the platform lets its tenants know. The last answer stays in force while the platform is away.
struct TenantConfiguration: Sendable {
    let installation: Installation

    func current() throws -> [String: String] {
        guard let bytes = try Files.read(installation.configurationPath) else { return [:] }
        return try Self.parse(bytes)
    }

    /// Whether something changed.
    func refresh(from platform: PlatformClient, adminToken: String) async throws -> Bool {
        let response = try await platform.configuration(adminToken: adminToken)
        guard response.isSuccess else {
            throw StageFailure(.platformUnreachable, "tenant configuration: \(response.status)")
        }
        let fresh = try Self.parse(response.body)
        if Files.exists(installation.configurationPath), try fresh == current() { return false }
        try Files.replace(installation.configurationPath, with: try encoded(fresh), mode: 0o600)
        return true
    }

    private static func parse(_ bytes: [UInt8]) throws -> [String: String] {
        do {
            return try TenantSettings.parse(bytes)
        } catch {
            throw StageFailure(.internalError, "the tenant configuration is refused: \(error)")
        }
    }
}
