import CurlHTTP
import Glibc
import TenantProtocol
import TenantSpool

/// Sends what molecule-tenant has written into the folder that it shares with the agent, for as long as the
/// agent runs, however long the platform is away.
struct SpoolShipping: Sendable {
    let installation: Installation
    let platform: PlatformClient

    /// Between looks at a folder that held nothing.
    static let lookEvery: Duration = .seconds(2)
    static let tidyEvery: Duration = .seconds(3_600)
    static let firstPause: Duration = .seconds(1)
    static let longestPause: Duration = .seconds(300)

    /// nil on a self-hosted tenant.
    init?(_ installation: Installation) throws {
        guard let platform = PlatformClient(try installation.declaration()) else { return nil }
        self.installation = installation
        self.platform = platform
    }

    func run() async {
        await withTaskGroup { group in
            for route in SpoolRoute.allCases { group.addTask { await ship(route) } }
        }
    }

    private func ship(_ route: SpoolRoute) async {
        let folders = installation.spoolFolders
        let sender = SpoolSender(route, folders, log: log) { [installation, platform] in
            try await platform.deliver($0, $1, $2, token: installation.secrets()?.adminToken ?? "")
        }
        var backoff = Backoff(from: Self.firstPause, upTo: Self.longestPause)
        var tidied = ContinuousClock.now - Self.tidyEvery
        while !Task.isCancelled {
            var pause = Self.lookEvery * Double.random(in: 0.75...1.25)
            do {
                _ = try await sender.sendAll()
                try note(nil, route)
                backoff = Backoff(from: Self.firstPause, upTo: Self.longestPause)
                if ContinuousClock.now - tidied > Self.tidyEvery {
                    tidied = .now
                    try tidy(route)
                }
            } catch let obstacle as SpoolSender.Obstacle {
                log("\(obstacle)")
                try? note("\(obstacle)", route)
                pause = max(backoff.next(), obstacle.retryAfter ?? .zero)
            } catch {
                log("\(route.rawValue) is not sent: \(error)")
                try? note("\(error)", route)
                pause = backoff.next()
            }
            try? await Task.sleep(for: pause)
        }
    }

    private func note(_ obstacle: String?, _ route: SpoolRoute) throws {
        try DeliveryFolder(route, in: installation.deliveryPath).noteObstacle(obstacle)
    }

    private func tidy(_ route: SpoolRoute) throws {
        guard let spool = try SpoolFolder(route, in: installation.tenantDataPath) else { return }
        let delivery = try DeliveryFolder(route, in: installation.deliveryPath)
        _ = try StreamRetention(spool, delivery, now: time(nil)).tidy()
    }
}
