import CurlHTTP
import DurableFiles
import TenantProtocol

/// What the platform lets its tenants know. The last answer stays in force while the platform is away.
struct TenantConfiguration: Sendable {
    let installation: Installation

    func current() throws -> [String: String] {
        guard let bytes = try Files.read(installation.configurationPath) else { return [:] }
        return try Self.parse(bytes)
    }

    /// Enrols again first where the platform no longer knows the tenant's token.
    /// - Returns: whether something changed.
    func refresh(
        from platform: PlatformClient, _ secrets: EnrolmentGrant, metadata: InstanceMetadata
    ) async throws -> Bool {
        var secrets = secrets
        var response = try await platform.configuration(adminToken: secrets.adminToken)
        if response.status == 401, let earlier = try Rotation(installation: installation).goBack() {
            secrets = earlier
            response = try await platform.configuration(adminToken: secrets.adminToken)
        }
        if response.status == 401 {
            let request = ReEnrolmentRequest(
                identityPKCS7: try await metadata.signedIdentity(), agentVersion: agentVersion,
                secrets: secrets)
            let answer = try await platform.reEnrol(request, adminToken: secrets.adminToken)
            guard answer.isSuccess else {
                throw StageFailure(.enrolmentRefused, "the platform answers \(answer.status)")
            }
            response = try await platform.configuration(adminToken: secrets.adminToken)
        }
        guard response.isSuccess else {
            throw StageFailure(.platformUnreachable, "tenant configuration: \(response.status)")
        }
        let fresh = try Self.parse(response.body).filter { !TenantSettings.livingNames.contains($0.key) }
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
