import FoundationEssentials
import Organisations
import Postgres
import Workflows

/// Why a tenant is where it is, on one screen: what is under way, since when, who does it, what the provider
/// last said, and what happens next.
package struct Why: Encodable, Sendable {
    package var slug: String
    package var status: Org.Status
    package var failure: ProvisionStatus.Failure?
    package var workflow: WhyWorkflow?
    var lastReport: String?
    var lastCall: LastCall?
    /// The end of the instance's console, when its agent is silent.
    package var consoleTail: String?
    /// Commands that may help.
    package var suggestions: [String]

    struct LastCall: Encodable, Sendable {
        var resource: String
        var operation: String?
        var requestID: String?
        var error: String?
        var at: Date?

        enum CodingKeys: String, CodingKey {
            case resource, operation, error, at
            case requestID = "request_id"
        }
    }

    enum CodingKeys: String, CodingKey {
        case slug, status, failure, workflow, suggestions
        case lastReport = "last_report"
        case lastCall = "last_call"
        case consoleTail = "console_tail"
    }

    /// An instance that has reported nothing for this long is silent.
    package static let silence: TimeInterval = 60
    static let consoleLength = 2_000

    package init(of org: Org, _ fleet: FleetContext) async throws {
        slug = org.slug
        status = org.status
        let live = try await Interventions(fleet: fleet).liveWorkflow(of: org)
        failure = try await Self.failure(of: org, live, fleet)
        workflow = try await live.asyncMap { try await WhyWorkflow($0, fleet.database) }
        lastCall = try await Self.lastCall(of: org, fleet)
        suggestions = Self.suggestions(for: org, live)
        let tenants = TenantStore(database: fleet.database)
        guard let tenant = try await tenants.find(org: org.id) else { return }
        let progress = try await BootEventStore(database: fleet.database).progress(of: tenant)
        lastReport = progress.current.map { "\($0.stage.rawValue): \($0.outcome.rawValue)" }
        consoleTail = tenant.consoleTail
        let lastHeard = progress.current?.at ?? tenant.provisioningAt
        if org.status == .provisioning, let id = tenant.instanceID,
            Date().timeIntervalSince(lastHeard) > Self.silence
        {
            consoleTail = try? await Self.console(id, tenant, fleet)
        }
    }

    /// The organisation's, or that of a teardown which gave up.
    private static func failure(
        of org: Org, _ live: WorkflowDescription?, _ fleet: FleetContext
    ) async throws -> ProvisionStatus.Failure? {
        if let code = org.failureCode { return .init(code: code, message: org.failureMessage ?? "") }
        guard live == nil, org.status == .deprovisioning,
            let last = try await fleet.engine.status(kind: TearDownTenant.kind, subject: org.id.text),
            let code = last.failureCode
        else { return nil }
        return .init(code: code, message: last.lastError ?? "")
    }

    private static func console(_ id: String, _ tenant: Tenant, _ fleet: FleetContext) async throws -> String
    {
        let output = try await fleet.ec2.getConsoleOutput(id: id)
        let bootToken = try await fleet.openSecrets(of: tenant).bootToken
        return String(output.replacing(bootToken, with: "[boot token]").suffix(consoleLength))
    }

    private static func lastCall(of org: Org, _ fleet: FleetContext) async throws -> LastCall? {
        let entries = try await ResourceLedger(database: fleet.database).remaining(org: org.id)
        let last = entries.filter { $0.lastCallAt != nil }.max { $0.lastCallAt! < $1.lastCallAt! }
        return last.map {
            LastCall(
                resource: "\($0.kind.rawValue) \($0.intentID)", operation: $0.lastOperation,
                requestID: $0.lastRequestID, error: $0.lastError, at: $0.lastCallAt)
        }
    }

    private static func suggestions(for org: Org, _ live: WorkflowDescription?) -> [String] {
        let slug = org.slug
        switch (live, org.status) {
        case (nil, .deprovisioning): return ["cpctl retry \(slug)"]
        case (nil, .failed): return ["cpctl retry \(slug)", "cpctl orgs delete \(slug)"]
        case (nil, _): return []
        case (let live?, _) where live.kind == TearDownTenant.kind: return ["cpctl retry \(slug)"]
        case (_, .provisioning):
            return ["cpctl retry \(slug)", "cpctl repair \(slug)", "cpctl cancel \(slug)"]
        default: return ["cpctl retry \(slug)", "cpctl cancel \(slug)"]
        }
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<Other>(_ body: (Wrapped) async throws -> Other) async rethrows -> Other? {
        guard let self else { return nil }
        return try await body(self)
    }
}

/// The workflow that is under way, as `Why` shows it.
package struct WhyWorkflow: Encodable, Sendable {
    package var id: String
    package var kind: String
    package var state: String
    /// The step it waits for or works on.
    package var stage: String?
    package var since: Date?
    /// Of this stage among the last workflows of the kind, in ms.
    var p95Milliseconds: Int?
    package var deadline: Date?
    /// When the deadline came near.
    var warnedAt: Date?
    package var failures: Int?
    var lastError: String?
    var leaseOwner: String?
    var leaseUntil: Date?
    var nextAction: String
    var nextActionAt: Date?

    enum CodingKeys: String, CodingKey {
        case id, kind, state, stage, since, deadline, failures
        case p95Milliseconds = "p95_ms"
        case warnedAt = "warned_at"
        case lastError = "last_error"
        case leaseOwner = "lease_owner"
        case leaseUntil = "lease_until"
        case nextAction = "next_action"
        case nextActionAt = "next_action_at"
    }

    /// How many of the last workflows of the kind are looked at.
    static let sample = 100

    package init(_ workflow: WorkflowDescription, _ database: PostgresPool) async throws {
        let step =
            workflow.steps.last { $0.name == workflow.waitingFor }
            ?? workflow.steps.last { $0.state == "started" } ?? workflow.steps.last
        id = workflow.id.text
        kind = workflow.kind
        state = workflow.state.rawValue
        stage = step?.name ?? workflow.waitingFor
        since = step?.startedAt ?? workflow.createdAt
        deadline = step?.deadline
        warnedAt = step?.warnedAt
        failures = step?.failures
        lastError = step?.lastError ?? workflow.lastError
        leaseOwner = workflow.leaseOwner
        leaseUntil = workflow.leaseUntil
        nextActionAt = workflow.wakeAt
        nextAction = Self.nextAction(workflow, step)
        guard let name = step?.name else { return }
        let rows = try await database.query(
            """
            SELECT percentile_cont(0.95) WITHIN GROUP (
                ORDER BY extract(epoch FROM finished_at - started_at) * 1000)::float8 AS p95
            FROM workflow_steps WHERE name = \(name) AND state = 'done' AND workflow_id IN (
                SELECT id FROM workflows WHERE kind = \(workflow.kind)
                ORDER BY created_at DESC LIMIT \(Self.sample))
            """)
        p95Milliseconds = try rows[0]["p95", as: Double?.self].map { Int($0) }
    }

    private static func nextAction(
        _ workflow: WorkflowDescription, _ step: WorkflowDescription.Step?
    ) -> String {
        if workflow.state == .running { return "a replica works on it now" }
        if let reason = workflow.postponedFor { return "go on when the limit allows: \(reason)" }
        guard let step, step.state == "started" else { return "go on" }
        switch step.kind {
        case "wait": return "look again whether \(step.name) has come about"
        case "sleep": return "go on after \(step.name)"
        default: return "try \(step.name) again (\(step.failures) failures so far)"
        }
    }
}
