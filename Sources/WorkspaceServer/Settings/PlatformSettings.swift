import CurlHTTP
import DurableFiles
import Logging
import ServiceLifecycle
import Synchronization
import TenantProtocol

/// The platform's configuration of this tenant, asked for again and again, and at once when the platform says
/// that it has changed. While the platform is away the last answer stays in force, also over a restart where
/// there is a folder to keep it in.
final class PlatformSettings: Service {
    private let platform: Configuration.Platform?
    private let http: HTTPClient
    private let period: Duration
    private let logger: Logger
    /// Of the last answer, mode 0600: it holds a secret. nil: it is not kept.
    private let path: String?
    private let state: Mutex<State>
    /// Whoever asks while one asks already is answered by the next one.
    private let asked: AsyncStream<Void>
    private let asking: AsyncStream<Void>.Continuation

    private struct State {
        var values: [String: String] = [:]
        var refreshedAt: ContinuousClock.Instant?
    }

    /// Pauses after an answer that did not come; then the period goes on.
    static let retryPauses: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16)]

    init(
        _ platform: Configuration.Platform?, period: Duration, folder: String?, http: HTTPClient,
        logger: Logger
    ) {
        self.platform = platform
        self.period = period
        self.http = http
        self.logger = logger
        path = folder.map { "\($0)/settings.json" }
        state = Mutex(State(values: Self.kept(path, logger)))
        (asked, asking) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    private static func kept(_ path: String?, _ logger: Logger) -> [String: String] {
        guard let path else { return [:] }
        do {
            return try Files.read(path).map { try TenantSettings.parse($0) } ?? [:]
        } catch {
            logger.warning("the configuration that was kept is not read", metadata: ["error": "\(error)"])
            return [:]
        }
    }

    /// As last answered; before the first answer, as kept from an earlier run.
    var values: [String: String] { state.withLock { $0.values } }

    /// What the organisation may do, as the values say.
    var standing: Standing { Standing(values) }

    /// Since the last answer; nil before the first of this run.
    var age: Duration? { state.withLock { $0.refreshedAt }.map { ContinuousClock.now - $0 } }

    /// Has the platform asked soon.
    func ask() { asking.yield() }

    func run() async throws {
        guard let platform else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask { await self.askPeriodically() }
                group.addTask {
                    for await _ in self.asked { await self.refreshPatiently(platform) }
                }
            }
        }
    }

    private func askPeriodically() async {
        while !Task.isCancelled {
            ask()
            // Spread, so that tenants that started together do not stay together.
            try? await Task.sleep(for: period * Double.random(in: 0.8...1.2))
        }
    }

    private func refreshPatiently(_ platform: Configuration.Platform) async {
        for pause in Self.retryPauses {
            if await refresh(platform) || Task.isCancelled { return }
            try? await Task.sleep(for: pause * Double.random(in: 0.5...1))
        }
    }

    /// - Returns: whether the platform answered
    private func refresh(_ platform: Configuration.Platform) async -> Bool {
        let request = HTTPRequest(
            "GET", platform.url + "/cp/tenants/config",
            headers: [
                HTTPField("Authorization", "Bearer \(platform.adminToken)"),
                HTTPField("X-Molecule-Org-Id", platform.orgID),
            ])
        do {
            let response = try await http.send(request)
            guard response.status == 200 else {
                logger.warning("configuration kept", metadata: ["status": "\(response.status)"])
                return false
            }
            let fresh = try TenantSettings.parse(response.body)
            let before = state.withLock { state in
                defer { state = State(values: fresh, refreshedAt: .now) }
                return state.values
            }
            if fresh != before { keep(response.body) }
        } catch {
            logger.warning("configuration kept", metadata: ["error": "\(error)"])
            return false
        }
        return true
    }

    /// What is in force is in force although it could not be written.
    private func keep(_ answer: [UInt8]) {
        guard let path else { return }
        do {
            try Files.replace(path, with: answer, mode: 0o600)
        } catch {
            logger.error("the configuration is not kept", metadata: ["error": "\(error)"])
        }
    }
}
