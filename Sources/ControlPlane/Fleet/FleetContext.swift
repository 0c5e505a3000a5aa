import AdminProtocol
import CurlHTTP
import FoundationEssentials
import Logging
import Organisations
import Postgres
import Providers
import TenantProtocol
import Workflows

/// What the fleet's operations and workflows work with.
package struct FleetContext: Sendable {
    package let settings: FleetSettings
    package let database: PostgresPool
    package let engine: WorkflowEngine
    package let ec2: EC2Client
    package let ssm: SSMClient
    package let governor: Governor
    package let cloudflare: Cloudflare
    package let registry: RegistryClient
    package let secrets: SecretBox
    package let http: any HTTPTransport
    package let billing: any TenantBilling
    package let logger: Logger

    /// Seconds for a new container to become healthy, where an order does not say.
    package var healthSeconds: Int { settings.deadlines.redeploy.wholeSeconds }

    package init(
        settings: FleetSettings, database: PostgresPool, engine: WorkflowEngine, ec2: EC2Client,
        ssm: SSMClient, governor: Governor, cloudflare: Cloudflare, registry: RegistryClient,
        secrets: SecretBox, http: any HTTPTransport, billing: any TenantBilling, logger: Logger
    ) {
        self.settings = settings
        self.database = database
        self.engine = engine
        self.ec2 = ec2
        self.ssm = ssm
        self.governor = governor
        self.cloudflare = cloudflare
        self.registry = registry
        self.secrets = secrets
        self.http = http
        self.billing = billing
        self.logger = logger
    }
}

/// What has to be done about an organisation's subscriptions when its tenant goes or comes back. Billing lies
/// above the fleet, and does it.
package protocol TenantBilling: Sendable {
    /// Ends everything that could still be charged. Repeated, it changes nothing more.
    /// - Parameter step: name of the workflow's step.
    func end(org: UUID, step: String, _ context: WorkflowContext, _ fleet: FleetContext) async throws

    /// Removes what is kept of the organisation, but what the law wants kept.
    func forget(org: UUID, in transaction: Transaction) async throws

    /// Orders a comparison with the payment provider, in the commit that justifies it.
    func sync(org: UUID, _ fleet: FleetContext, in transaction: Transaction) async throws
}

extension FleetContext {
    package func openSecrets(of tenant: Tenant) async throws -> TenantSecrets {
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
                controlPlaneURL: settings.launch.publicURL, tenantURL: "https://\(launch.hostname)",
                certificateAuthority: settings.launch.certificateAuthority),
            stack: launch.stack)
    }

    /// Whether the tenant answers 200 on `/health` on its own hostname, through its tunnel.
    package func isHealthyThroughEdge(slug: String, _ launch: Launch? = nil) async -> Bool {
        (try? await http.send(healthRequest(slug, launch)))?.status == 200
    }

    /// All are asked at once.
    /// - Parameter tenants: by organisation, their slugs.
    /// - Returns: the slugs of those that answer 200.
    package func healthyThroughEdge(_ tenants: [UUID: String]) async throws -> Set<String> {
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
    package func edgeURL(slug: String, _ launch: Launch?) -> String {
        let hostname = launch?.hostname ?? "\(slug).\(settings.launch.tenantDomain)"
        return settings.launch.edgeURL.replacing("{slug}", with: slug)
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
