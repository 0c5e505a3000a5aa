import AWSSigV4
import Billing
import CurlHTTP
import Fleet
import FoundationEssentials
import Logging
import Organisations
import Postgres
import Providers
import TenantProtocol
import Workflows

/// The service put together: the contexts of its layers, and what the routes alone need.
package struct Platform: Sendable {
    package let configuration: Configuration
    package let database: PostgresPool
    /// For reads that somebody waits for on the way to a page: nothing else takes these connections.
    let quickReads: QuickReads
    /// nil: nobody signs in by a browser.
    let oidc: OIDCProvider?
    package let engine: WorkflowEngine
    package let fleet: FleetContext
    package let billing: BillingContext
    package let http: any HTTPTransport
    package let inbox: BootEventInbox
    let limiter: RequestLimiter
    let breakGlass: BreakGlassAlarm
    package let logger: Logger

    package init(_ configuration: Configuration, logger: Logger) throws {
        var httpConfiguration = HTTPClient.Configuration.environment
        httpConfiguration.extraCA = configuration.launch.certificateAuthority
        self.init(
            configuration, http: HTTPClient(configuration: httpConfiguration), time: .system, logger: logger)
    }

    /// - Parameters:
    ///   - name: of this replica, as a lease shows it; nil for the host's.
    ///   - http: what carries every call to a provider.
    package init(
        _ configuration: Configuration, name: String? = nil, http: any HTTPTransport, time: WorkflowTime,
        logger: Logger
    ) {
        self.configuration = configuration
        self.http = http
        self.logger = logger
        database = PostgresPool(
            PostgresConfiguration(
                url: configuration.databaseURL, maximumConnections: configuration.databaseConnections),
            logger: logger)
        var quick = PostgresConfiguration(
            url: configuration.databaseURL, maximumConnections: QuickReads.connections,
            statementTimeout: QuickReads.statementTimeout)
        quick.waitLimit = QuickReads.waitLimit
        quickReads = QuickReads(database: PostgresPool(quick, logger: logger))
        oidc = configuration.browser.oidc.map { OIDCProvider($0, http: http) }
        engine = WorkflowEngine(
            database: database,
            configuration: .init(
                workers: configuration.workers, lease: configuration.lease, poll: .seconds(1)),
            logger: logger, name: name, time: time)
        let governor = Governor(database: database, limits: configuration.limits)
        let aws = AWSConnection(configuration.aws, http: http, gate: governor)
        let stripe = configuration.billing.stripe.map {
            StripeClient(url: $0.apiURL, secretKey: $0.secretKey, http: http, gate: governor)
        }
        let subscriptions = SubscriptionBilling(
            settings: configuration.billing, credits: configuration.credits, stripe: stripe,
            modelPrices: ModelPriceCache(database: database))
        fleet = FleetContext(
            settings: configuration.fleet, database: database, engine: engine, ec2: EC2Client(aws),
            ssm: SSMClient(aws), governor: governor,
            cloudflare: Cloudflare(
                clients: configuration.cloudflare.places.map {
                    CloudflareClient(configuration.cloudflare, $0, http: http, gate: governor)
                }),
            registry: RegistryClient(
                url: configuration.launch.registryURL, http: http,
                login: RegistryLogin(configuration.registryAuth, ecr: ECRClient(aws))),
            secrets: SecretBox(
                kmsKeyARN: configuration.secrets.kmsKeyARN, localKey: configuration.secrets.localKey,
                previousLocalKeys: configuration.secrets.previousLocalKeys, kms: KMSClient(aws)),
            http: http,
            billing: subscriptions,
            logger: logger)
        billing = subscriptions.context(fleet)
        inbox = BootEventInbox(database: database, engine: engine)
        limiter = RequestLimiter(database: database, logger: logger)
        breakGlass = BreakGlassAlarm(database: database, logger: logger)
        fleet.registerWorkflows()
        billing.registerWorkflows()
    }
}
