import CurlHTTP
import DurableFiles
import FoundationEssentials
import Glibc
import TenantProtocol

/// What this instance presents to its image registry. The platform is asked when an image is to be fetched,
/// again only when it did not answer, and what it hands out stays in memory.
actor RegistryAccess {
    private let installation: Installation
    private let platform: PlatformClient?
    private var answer: Task<RegistryCredentials?, Never>?

    init(_ installation: Installation, _ platform: PlatformClient?) {
        self.installation = installation
        self.platform = platform
    }

    /// nil for a registry that they are not for.
    func credentials(for image: ImageReference) async -> RegistryCredentials? {
        let task = answer ?? Task { await self.ask() }
        answer = task
        guard let credentials = await task.value, credentials.registry == image.registry else { return nil }
        return credentials
    }

    /// For the Engine's pull. Source: Docker Engine API, "Authentication": base64url of JSON.
    func header(for image: ImageReference) async throws -> [HTTPField] {
        struct Login: Encodable {
            var username: String
            var password: String
            var serveraddress: String
        }
        guard let credentials = await credentials(for: image) else { return [] }
        let login = Login(
            username: credentials.username, password: credentials.password,
            serveraddress: credentials.registry)
        let text = Data(try encoded(login)).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
        return [HTTPField("X-Registry-Auth", text)]
    }

    private func ask() async -> RegistryCredentials? {
        do {
            if let own = try ownFile() { return own }
            return try await fromPlatform()
        } catch {
            log("images are fetched without credentials: \(error)")
            answer = nil
            return nil
        }
    }

    /// A self-hosted tenant's own.
    private func ownFile() throws -> RegistryCredentials? {
        guard let bytes = try Files.read(installation.registryPath) else { return nil }
        var status = stat()
        guard stat(installation.registryPath, &status) == 0 else {
            throw SystemError("stat \(installation.registryPath)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StageFailure(
                .invalidDeclaration, "\(installation.registryPath) can be read by others: chmod 600")
        }
        do {
            return try JSONDecoder().decode(RegistryCredentials.self, from: Data(bytes))
        } catch {
            throw StageFailure(.invalidDeclaration, "\(installation.registryPath) cannot be read")
        }
    }

    private static let attempts = 3

    private func fromPlatform() async throws -> RegistryCredentials? {
        guard let platform, let secrets = try installation.secrets() else { return nil }
        var backoff = Backoff(from: .seconds(1), upTo: .seconds(4))
        var response = try await platform.registryCredentials(adminToken: secrets.adminToken)
        for _ in 1..<Self.attempts where response.isTransientRefusal {
            try await Task.sleep(for: response.retryAfter ?? backoff.next())
            response = try await platform.registryCredentials(adminToken: secrets.adminToken)
        }
        switch response.status {
        // 404: a platform of an earlier version.
        case 204, 404: return nil
        case 200: return try JSONDecoder().decode(RegistryCredentials.self, from: Data(response.body))
        default: throw StageFailure(.platformUnreachable, "the platform answers \(response.status)")
        }
    }
}
