import CurlHTTP
import Logging
import ServiceLifecycle
import Synchronization
import TenantProtocol

/// The platform's configuration of this tenant, asked for again and again, so that a rotated secret arrives
/// without a restart. While the platform is away the last answer stays in force.
final class PlatformSettings: Service {
    private let platform: Configuration.Platform?
    private let http: HTTPClient
    private let period: Duration
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var values: [String: String] = [:]
        var refreshedAt: ContinuousClock.Instant?
    }

    init(_ platform: Configuration.Platform?, period: Duration, http: HTTPClient, logger: Logger) {
        self.platform = platform
        self.period = period
        self.http = http
        self.logger = logger
    }

    /// As last answered; empty before the first answer.
    var values: [String: String] { state.withLock { $0.values } }

    /// Since the last answer; nil before the first.
    var age: Duration? { state.withLock { $0.refreshedAt }.map { ContinuousClock.now - $0 } }

    func run() async throws {
        guard let platform else {
            try? await gracefulShutdown()
            return
        }
        try? await cancelWhenGracefulShutdown {
            while true {
                await self.refresh(platform)
                // Spread, so that tenants that started together do not stay together.
                try await Task.sleep(for: self.period * Double.random(in: 0.8...1.2))
            }
        }
    }

    private func refresh(_ platform: Configuration.Platform) async {
        let request = HTTPRequest(
            "GET", platform.url + "/cp/tenants/config",
            headers: [
                HTTPField("Authorization", "Bearer \(platform.adminToken)"),
                HTTPField("X-Molecule-Org-Id", platform.orgID),
            ])
        do {
            let response = try await http.send(request)
            guard response.status == 200 else {
                return logger.warning("configuration kept", metadata: ["status": "\(response.status)"])
            }
            let values = try TenantSettings.parse(response.body)
            state.withLock { $0 = State(values: values, refreshedAt: .now) }
        } catch {
            logger.warning("configuration kept", metadata: ["error": "\(error)"])
        }
    }
}
