import Billing
import Fleet
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Organisations
import Postgres
import ServiceLifecycle
import Workflows

/// The service, put together: the HTTP server, the workflow engine and the database, ended in that order, so
/// that requests in flight finish and leases are given back while the database still answers.
///
/// - Parameters:
///   - limits: of a connection.
///   - onListening: told the port once the socket is bound; a configured port 0 takes a free one.
func application(
    _ platform: Platform, limits: ServerLimits = ServerLimits(),
    onListening: @escaping @Sendable (Int) async -> Void
) -> some ApplicationProtocol {
    let configuration = platform.configuration
    if platform.oidc == nil {
        platform.logger.notice("/cp/auth/* is not served: OIDC_ISSUER is not set")
    }
    if platform.billing.stripe == nil {
        platform.logger.notice("/cp/billing/* and webhooks are not served: STRIPE_SECRET_KEY is not set")
    }
    var app = Application(
        router: router(platform),
        server: .http1(configuration: limits.channel()),
        configuration: .init(
            address: .hostname(configuration.listenHost, port: configuration.listenPort),
            serverName: nil,
            availableConnectionsDelegate: MaximumAvailableConnections(ServerLimits.maximumConnections)),
        onServerRunning: { await onListening($0.localAddress?.port ?? configuration.listenPort) },
        logger: platform.logger)
    app.addServices(
        platform.database, platform.quickReads.database, platform.engine, platform.limiter,
        Reconciler(fleet: platform.fleet), BillingReconciler(billing: platform.billing),
        CreditWatch(billing: platform.billing),
        AuditSealer(database: platform.database, logger: platform.logger),
        UsageKeeper(
            database: platform.database, retention: configuration.usageRetentionMonths,
            logger: platform.logger))
    if let stripe = platform.billing.stripe {
        app.addServices(OverageReporter(billing: platform.billing, stripe: stripe))
    }
    return app
}

/// Every request is logged, every error becomes a problem document, and the gate stands before every route.
func router(_ platform: Platform) -> Router<AppContext> {
    let configuration = platform.configuration
    let router = Router(context: AppContext.self)
    router.add(middleware: RequestLogMiddleware())
    router.add(middleware: SecurityHeaders(isSecure: configuration.launch.publicURL.hasPrefix("https:")))
    router.add(middleware: CrossOrigin(origins: configuration.corsOrigins))
    router.add(middleware: ProblemMiddleware())
    router.add(middleware: ClientAddressMiddleware(proxies: configuration.traffic.proxies))
    let gate = Gate(platform)
    let limits = RouteLimits(limits: configuration.traffic.limits, limiter: platform.limiter)
    for route in routes(platform) { router.on(route, behind: gate, within: limits) }
    return router
}
