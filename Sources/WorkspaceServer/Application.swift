import CurlHTTP
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Postgres
import PushSignature
import TenantSpool

/// workspace-server: the whole URL table of a tenant.
struct WorkspaceServer: Sendable {
    let configuration: Configuration
    let connections: Connections
    let logger: Logger

    func application() -> some ApplicationProtocol {
        let http = HTTPClient()
        let pool = PostgresPool(
            PostgresConfiguration(
                url: configuration.databaseURL, maximumConnections: 4, waitLimit: .seconds(2),
                statementTimeout: .seconds(5), applicationName: "workspace-server"), logger: logger)
        let settings = PlatformSettings(
            configuration.platform, period: .seconds(configuration.refreshSeconds),
            folder: configuration.dataFolder, http: http, logger: logger)
        let health = HealthCheck(
            pool: pool, redis: configuration.redis, memoryPluginURL: configuration.memoryPluginURL,
            http: http)
        let usage = usageSpool
        let registry = WorkspaceRegistry(
            spool: usage, settings: settings, folder: configuration.dataFolder, logger: logger)
        let router = router(health, settings, http)
        add(UsageRoutes(spool: usage, settings: settings), to: router)
        add(RegistryRoutes(registry: registry), to: router)
        return Application(
            router: router, server: server,
            configuration: .init(address: .hostname(configuration.host, port: configuration.port)),
            services: [pool, settings, registry], logger: logger)
    }

    /// Only a tenant that has a platform tells of its use.
    private var usageSpool: UsageSpool? {
        guard configuration.platform != nil else { return nil }
        return configuration.dataFolder.map { UsageSpool(folder: $0) }
    }

    private func add(_ usage: UsageRoutes, to router: Router<BasicRequestContext>) {
        router.post("/internal/llm-usage") { request, _ in try await usage.record(request) }
        router.get("/internal/llm-permission") { request, _ in try usage.permission(request) }
    }

    private func add(_ registry: RegistryRoutes, to router: Router<BasicRequestContext>) {
        router.post("/registry/register") { request, _ in try await registry.register(request) }
        router.post("/registry/heartbeat") { request, _ in try await registry.heartbeat(request) }
        router.post("/registry/remove") { request, _ in try await registry.remove(request) }
    }

    private var server: HTTPServerBuilder {
        let upgrade = WebSocketUpgrade(orgID: configuration.orgID)
        return .http1(
            configuration: .init(
                additionalChannelHandlers: [
                    ConnectionHandler(connections: connections, upgrade: upgrade)
                ]))
    }

    private func router(
        _ health: HealthCheck, _ settings: PlatformSettings, _ http: HTTPClient
    ) -> Router<BasicRequestContext> {
        let metrics = Metrics()
        let router = Router()
        router.add(middleware: CountingMiddleware(metrics: metrics))
        router.add(middleware: ProblemMiddleware())
        router.add(middleware: TenantGuard(orgID: configuration.orgID))
        router.get("/health") { _, _ in HealthAnswer(await health.result()).response }
        router.get("/version") { [configuration] _, _ in
            jsonResponse(
                VersionAnswer(version: configuration.version, imageDigest: configuration.imageDigest))
        }
        router.get("/metrics") { [configuration] _, _ in
            let text = metrics.text(
                health: await health.result(), settings: settings, version: configuration.version)
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
        router.get("/ws") { [connections] _, _ -> Response in
            guard !connections.isDraining else {
                throw Problem(status: .serviceUnavailable, detail: "this server is about to end")
            }
            throw Problem(status: .upgradeRequired, detail: "this is a WebSocket")
        }
        let push = SettingsPushRoute(platform: configuration.platform, settings: settings)
        router.post(RouterPath(SettingsPush.path)) { request, _ in try await push.take(request) }
        let proxy = PlatformProxy(upstreamURL: configuration.upstreamURL, http: http)
        for method in [HTTPTypes.HTTPRequest.Method.get, .post, .put, .patch, .delete] {
            router.on("/cp/**", method: method) { request, _ in try await proxy.forward(request) }
        }
        return router
    }
}

private struct HealthAnswer: Encodable {
    var service = "molecule-tenant"
    var status: String
    var checks: [String: String]

    init(_ result: HealthCheck.Result) {
        status = result.isHealthy ? "ok" : "unavailable"
        checks = result.passed.mapValues { $0 ? "ok" : "unavailable" }
    }

    var response: Response { jsonResponse(self, status: status == "ok" ? .ok : .serviceUnavailable) }
}

private struct VersionAnswer: Encodable {
    var version: String
    var imageDigest: String?

    enum CodingKeys: String, CodingKey {
        case version
        case imageDigest = "image_digest"
    }
}
