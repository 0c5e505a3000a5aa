import CurlHTTP
import FoundationEssentials
import Organisations
import Postgres
import Providers
import PushSignature
import Workflows

/// Tells one tenant, through its tunnel, that what `GET /cp/tenants/config` says of it has changed. It only
/// makes the tenant ask sooner than it would by itself: who cannot be reached is given up on.
struct PushSettings: Sendable {
    static let kind = "settings_push"

    package struct Input: Codable, Sendable {
        package var orgID: UUID

        package init(orgID: UUID) {
            self.orgID = orgID
        }
    }

    /// Of a push that the tenant did not answer: about a minute in all.
    static let retry = RetryPolicy(
        attempts: 20, base: .milliseconds(500), cap: .seconds(5), deadline: .seconds(60))
    static let timeout: Duration = .seconds(10)

    let fleet: FleetContext
    let input: Input

    /// What became of one push.
    private struct Push: Codable, Sendable {
        enum Outcome: String, Codable, Sendable {
            case delivered
            /// The tenant answered that it will not: an image that knows no push, or another token.
            case refused
            /// It has no instance to be told.
            case absent
        }

        var outcome: Outcome
        /// Changes that were counted before it was sent: it stands for these.
        var wakes: Int
    }

    /// A change that came while one was under way is pushed by another round.
    func run(_ context: WorkflowContext) async throws {
        var round = 1
        var wakes = try await push(context, round)
        while context.wakes != wakes {
            round += 1
            wakes = try await push(context, round)
        }
        context.endUnlessWoken(since: wakes)
    }

    /// - Returns: the changes that it stands for
    private func push(_ context: WorkflowContext, _ round: Int) async throws -> Int {
        do {
            return try await context.step("push_\(round)", retry: Self.retry) { _ in
                Push(outcome: try await push(), wakes: context.wakes)
            }.wakes
        } catch is PermanentFailure {
            return try await context.step("given_up_\(round)") { _ in context.wakes }
        }
    }

    private func push() async throws -> Push.Outcome {
        let database = fleet.database
        guard let org = try await OrgStore(database: database).find(id: input.orgID), org.status.isTold,
            let tenant = try await TenantStore(database: database).find(org: org.id),
            tenant.confirmedAt != nil
        else { return .absent }
        let response = try await fleet.http.send(try await request(org, tenant))
        switch response.status {
        case 200..<300: return .delivered
        case 408, 425, 429, 500...:
            throw ProviderError(
                service: "tenant", operation: "settings_push", status: response.status, code: "no_delivery",
                message: "the tenant, or the edge before it, answers \(response.status)",
                mayHaveTakenEffect: false)
        default:
            fleet.logger.notice(
                "a tenant takes no push", metadata: ["org": "\(org.slug)", "status": "\(response.status)"])
            return .refused
        }
    }

    /// Signed with the present token and with the one that is to follow: either may be the tenant's.
    private func request(_ org: Org, _ tenant: Tenant) async throws -> HTTPRequest {
        var keys = [PushKey(adminToken: try await fleet.openSecrets(of: tenant).adminToken)]
        let tokens = TenantTokenStore(database: fleet.database)
        if let sealed = try await tokens.nextSealed(org: org.id) {
            let next = try await fleet.secrets.open(TenantSecrets.self, sealed)
            keys.append(PushKey(adminToken: next.adminToken))
        }
        let body = Array("{}".utf8)
        let signature = PushSignature.header(
            keys, time: Int(Date().timeIntervalSince1970), org: org.id.text, body: body)
        var request = HTTPRequest(
            "POST", fleet.edgeURL(slug: org.slug, tenant.launch) + SettingsPush.path,
            headers: [
                HTTPField("Content-Type", "application/json"),
                HTTPField(SettingsPush.signatureHeader, signature),
            ], body: body)
        request.timeout = Self.timeout
        return request
    }
}

extension Org.Status {
    /// Whether its tenant runs, or may.
    fileprivate var isTold: Bool {
        switch self {
        case .provisioning, .running, .failed, .suspended: true
        case .awaitingPayment, .deprovisioning, .purged: false
        }
    }
}

/// Pushes of settings, one under way for an organisation at most.
package struct SettingsPushes: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var database: PostgresPool { fleet.database }
    private var engine: WorkflowEngine { fleet.engine }

    /// Has the tenant told, once the transaction commits, that its settings have changed. One push at most is
    /// under way for an organisation. Call it last in the transaction: it locks workflows.
    package func pushSettings(org: UUID, in transaction: Transaction) async throws {
        try await engine.startOrWake(
            PushSettings.kind, subject: "\(org.text)/settings", input: PushSettings.Input(orgID: org),
            in: transaction)
    }
}
