import AWSSigV4
import CurlHTTP
import FoundationEssentials
import Logging
import Postgres
import TenantProtocol
import Workflows

/// What the routes and workflows work with: the database, the engine and the clients of the providers.
struct Platform: Sendable {
    let configuration: Configuration
    let database: PostgresPool
    /// For reads that somebody waits for on the way to a page: nothing else takes these connections.
    let quickReads: PostgresPool
    /// nil: nobody signs in by a browser.
    let oidc: OIDCProvider?
    let engine: WorkflowEngine
    let ec2: EC2Client
    let ssm: SSMClient
    let governor: Governor
    let cloudflare: Cloudflare
    /// nil: nothing can be paid here.
    let stripe: StripeClient?
    let registry: RegistryClient
    let secrets: SecretBox
    let http: any HTTPTransport
    let inbox: BootEventInbox
    let limiter: RequestLimiter
    let breakGlass: BreakGlassAlarm
    let modelPrices: ModelPriceCache
    let logger: Logger

    init(_ configuration: Configuration, logger: Logger) throws {
        var httpConfiguration = HTTPClient.Configuration.environment
        httpConfiguration.extraCA = configuration.launch.certificateAuthority
        self.init(
            configuration, http: HTTPClient(configuration: httpConfiguration), time: .system, logger: logger)
    }

    /// - Parameters:
    ///   - name: of this replica, as a lease shows it; nil for the host's.
    ///   - http: what carries every call to a provider.
    init(
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
            url: configuration.databaseURL, maximumConnections: Self.quickConnections,
            statementTimeout: Self.quickStatementTimeout)
        quick.waitLimit = Self.quickWaitLimit
        quickReads = PostgresPool(quick, logger: logger)
        oidc = configuration.browser.oidc.map { OIDCProvider($0, http: http) }
        engine = WorkflowEngine(
            database: database,
            configuration: .init(
                workers: configuration.workers, lease: configuration.lease, poll: .seconds(1)),
            logger: logger, name: name, time: time)
        let governor = Governor(database: database, limits: configuration.limits)
        self.governor = governor
        let aws = AWSConnection(configuration.aws, http: http, governor: governor)
        ec2 = EC2Client(aws)
        ssm = SSMClient(aws)
        secrets = SecretBox(
            kmsKeyARN: configuration.secrets.kmsKeyARN, localKey: configuration.secrets.localKey,
            previousLocalKeys: configuration.secrets.previousLocalKeys, kms: KMSClient(aws))
        cloudflare = Cloudflare(
            clients: configuration.cloudflare.places.map {
                CloudflareClient(configuration.cloudflare, $0, http: http, governor: governor)
            })
        stripe = configuration.billing.stripe.map {
            StripeClient(url: $0.apiURL, secretKey: $0.secretKey, http: http, governor: governor)
        }
        registry = RegistryClient(
            url: configuration.launch.registryURL, http: http,
            login: RegistryLogin(configuration.registryAuth, ecr: ECRClient(aws)))
        inbox = BootEventInbox(database: database, engine: engine)
        limiter = RequestLimiter(database: database, logger: logger)
        breakGlass = BreakGlassAlarm(database: database, logger: logger)
        modelPrices = ModelPriceCache(database: database)
        registerWorkflows()
    }
}

extension Platform {
    func openSecrets(of tenant: Tenant) async throws -> TenantSecrets {
        guard let sealed = tenant.secretsSealed else {
            throw AppError(
                .conflict, "not_provisioned", "The tenant has no credentials yet. Try again shortly.")
        }
        return try await secrets.open(TenantSecrets.self, sealed)
    }

    func declaration(orgID: UUID, slug: String, launch: Launch) -> Declaration {
        Declaration(
            orgID: orgID.text, orgSlug: slug,
            platform: .init(
                controlPlaneURL: configuration.launch.publicURL, tenantURL: "https://\(launch.hostname)",
                certificateAuthority: configuration.launch.certificateAuthority),
            stack: launch.stack)
    }

    /// Whether the tenant answers 200 on `/health` on its own hostname, through its tunnel.
    func isHealthyThroughEdge(slug: String, _ launch: Launch? = nil) async -> Bool {
        (try? await http.send(healthRequest(slug, launch)))?.status == 200
    }

    /// All are asked at once.
    /// - Parameter tenants: by organisation, their slugs.
    /// - Returns: the slugs of those that answer 200.
    func healthyThroughEdge(_ tenants: [UUID: String]) async throws -> Set<String> {
        let launches = try await TenantStore(database: database).launches(of: Array(tenants.keys))
        let asked = tenants.sorted { $0.value < $1.value }
        let answers = await http.answers(
            to: asked.map { healthRequest($0.value, launches[$0.key]) })
        return Set(zip(asked, answers).filter { $0.1?.status == 200 }.map(\.0.value))
    }

    private func healthRequest(_ slug: String, _ launch: Launch?) -> HTTPRequest {
        var request = HTTPRequest("GET", edgeURL(slug: slug, launch) + "/health")
        request.timeout = .seconds(10)
        return request
    }

    /// Where the platform reaches the tenant as everybody does.
    func edgeURL(slug: String, _ launch: Launch?) -> String {
        let hostname = launch?.hostname ?? "\(slug).\(configuration.launch.tenantDomain)"
        return configuration.launch.edgeURL.replacing("{slug}", with: slug)
            .replacing("{hostname}", with: hostname)
    }

    /// Longest tail of an instance's console that is kept, in characters.
    static let maximumConsoleTail = 4_000

    /// Keeps the end of the instance's console for whoever looks into the failure, without the boot token.
    func keepConsole(org: UUID) async throws {
        let store = TenantStore(database: database)
        guard let tenant = try await store.find(org: org), let instanceID = tenant.instanceID else { return }
        let output = try await ec2.getConsoleOutput(id: instanceID)
        let bootToken = try await openSecrets(of: tenant).bootToken
        let tail = String(output.replacing(bootToken, with: "[boot token]").suffix(Self.maximumConsoleTail))
        try await store.recordConsole(org: org, tail: tail.replacing("\0", with: ""))
    }
}
