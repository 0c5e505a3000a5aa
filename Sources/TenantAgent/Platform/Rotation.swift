import CurlHTTP
import DurableFiles
import FoundationEssentials
import TenantProtocol

/// Another admin token in place of this tenant's, without a moment in which it has none that is valid: the
/// new one is on the disk, with the old one beside it, before anything uses it, and the old one is forgotten
/// when the platform has ended it. Cut off between any two lines, the next run goes on from the files.
struct Rotation: Sendable {
    let installation: Installation

    /// Whether two tokens are on the disk.
    var isUnfinished: Bool { Files.exists(installation.previousTokenPath) }

    /// Takes the token that is to follow, where there is one.
    /// - Returns: the secrets as they are on the disk now
    func fetch(from platform: PlatformClient, _ secrets: EnrolmentGrant) async throws -> EnrolmentGrant {
        let response = try await platform.nextCredentials(adminToken: secrets.adminToken)
        switch response.status {
        case 200: return try take(response.body, secrets)
        // None is to follow, the platform is older than this, or it says more when it is asked for the
        // configuration.
        case 204, 401, 404: return secrets
        default: throw StageFailure(.platformUnreachable, "credentials: \(response.status)")
        }
    }

    private func take(_ body: [UInt8], _ secrets: EnrolmentGrant) throws -> EnrolmentGrant {
        guard let next = try? JSONDecoder().decode(NextCredentials.self, from: Data(body)),
            !next.adminToken.isEmpty
        else { throw StageFailure(.internalError, "the platform's credentials cannot be read") }
        guard next.adminToken != secrets.adminToken else { return secrets }
        try Files.replace(
            installation.previousTokenPath, with: Array(secrets.adminToken.utf8), mode: 0o600)
        var secrets = secrets
        secrets.adminToken = next.adminToken
        try installation.write(secrets)
        return secrets
    }

    /// Tells the platform that molecule-tenant runs with the new token. When that fails it is told later:
    /// both are valid until then.
    func confirm(attempts: Int = 3) async {
        do {
            guard isUnfinished, let secrets = try installation.secrets(),
                let platform = PlatformClient(try installation.declaration())
            else { return }
            var backoff = Backoff(from: .milliseconds(500), upTo: .seconds(2))
            for attempt in 1...attempts {
                if attempt > 1 { try await Task.sleep(for: backoff.next()) }
                if try await confirm(secrets, platform) { return }
            }
        } catch {
            log("the platform is not told of the new token yet: \(error)")
        }
    }

    private func confirm(_ secrets: EnrolmentGrant, _ platform: PlatformClient) async throws -> Bool {
        let response = try await platform.confirmCredentials(adminToken: secrets.adminToken)
        if response.isSuccess {
            try Files.remove(installation.previousTokenPath)
            return true
        }
        log("new token: the platform answers \(response.status)")
        guard !response.isTransientRefusal else { return false }
        // It was withdrawn, and the one before is still good. The next refresh gives it to molecule-tenant.
        if response.status == 401 { _ = try goBack() }
        return true
    }

    /// The token before is in force again.
    /// - Returns: the secrets with it; nil where no other is known, and then nothing changed
    func goBack() throws -> EnrolmentGrant? {
        guard let bytes = try Files.read(installation.previousTokenPath),
            var secrets = try installation.secrets()
        else { return nil }
        let previous = String(decoding: bytes, as: UTF8.self)
        guard previous != secrets.adminToken, !previous.isEmpty else {
            // Cut off before the new one was written.
            try Files.remove(installation.previousTokenPath)
            return nil
        }
        secrets.adminToken = previous
        try installation.write(secrets)
        try Files.remove(installation.previousTokenPath)
        return secrets
    }
}
