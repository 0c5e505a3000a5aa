import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres
import Providers
import Workflows

/// Instances for tenants: the first, and another after a failure or a retention.
package struct Launches: Sendable {
    package let fleet: FleetContext

    package init(fleet: FleetContext) {
        self.fleet = fleet
    }

    private var database: PostgresPool { fleet.database }
    private var engine: WorkflowEngine { fleet.engine }
    private var settings: FleetSettings { fleet.settings }

    /// A place, the tenant's row, and its provisioning.
    /// - Returns: tenants that wait for their launch before it.
    /// - Throws: `no_capacity` (503), before anything is written.
    package func beginFirst(_ org: Org, launchID: UUID, in transaction: Transaction) async throws -> Int {
        let (placement, use) = try await Placements(settings: settings)
            .choose(instanceType(of: org.plan), in: transaction)
        try await TenantStore(database: transaction).insert(org: org.id, launchID: launchID, placement)
        try await startProvisioning(
            org, launchID: launchID, after: turn(waiting: use.waiting), in: transaction)
        return use.waiting
    }

    /// What a tenant on the plan is launched with.
    package func instanceType(of plan: String) -> String {
        settings.plans.orFree(plan).instanceType ?? settings.launch.instanceType
    }

    /// How long before its launch a tenant's provisioning begins, and how much faster than launches are
    /// allowed tenants are let in: enough are always under way when some are deleted or held up.
    private static let leadTime: Duration = .seconds(60)
    private static let turnShare = 0.93

    /// When a new tenant's turn comes: to make its tunnel long before its instance can be launched would fill
    /// the queues of all with those who come last.
    private func turn(waiting: Int) -> Duration {
        let limit = settings.limits.limit(of: "ec2", "RunInstances", scope: settings.region)
        return max(.zero, .bounded(seconds: Double(waiting) * limit.gap * Self.turnShare) - Self.leadTime)
    }

    func startProvisioning(
        _ org: Org, launchID: UUID, after delay: Duration = .zero, in transaction: Transaction
    ) async throws {
        _ = try await engine.start(
            ProvisionTenant.kind, subject: org.id.text,
            input: ProvisionTenant.Input(orgID: org.id, slug: org.slug, launchID: launchID),
            after: delay, in: transaction)
    }

    /// A new launch of a failed or retained organisation, on the kept volume where there is one.
    /// - Throws: `teardown_under_way` (409) while the last launch's resources are not all gone.
    /// - Parameter action: as the audit log names it.
    package func provisionAgain(_ org: Org, as action: String, by origin: RequestOrigin) async throws -> Org {
        try await database.transaction { transaction in
            let subject = org.id.text
            let tearDown = TearDownTenant.kind
            guard try await !engine.isLive(kind: tearDown, subject: subject, in: transaction) else {
                throw AppError(
                    .conflict, "teardown_under_way",
                    "What the last launch created is still being removed. Try again when that has ended.")
            }
            guard try await OrgStore(database: transaction).markProvisioningAgain(id: org.id) else {
                throw AppError(.conflict, "not_restorable", "\(org.slug) changed meanwhile. Look again.")
            }
            try await engine.cancel(kind: ForgetTenant.kind, subject: subject, in: transaction)
            let snapshot = try await ResourceLedger(database: transaction).remaining(org: org.id)
                .first { $0.kind == .snapshot }
            let launchID = UUID()
            let (placement, _) = try await Placements(settings: settings)
                .choose(instanceType(of: org.plan), in: transaction)
            try await TenantStore(database: transaction).relaunch(
                org: org.id, launchID: launchID, placement, snapshotID: snapshot?.providerID)
            try await startProvisioning(org, launchID: launchID, in: transaction)
            try await fleet.billing.sync(org: org.id, fleet, in: transaction)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: action, org: org.id, subject: org.slug,
                    before: ["status": .string(org.status.rawValue)], after: ["status": "provisioning"]),
                by: origin)
            var again = org
            (again.status, again.retainedUntil) = (.provisioning, nil)
            (again.failureCode, again.failureMessage) = (nil, nil)
            return again
        }
    }

    /// RunInstances under the launch's own ClientToken, always with the same parameters: a repeated call
    /// launches nothing more, and answers the instance of the first.
    func runInstance(_ launch: Launch, of tenant: Tenant, slug: String) async throws -> EC2Instance {
        let secrets = try await fleet.openSecrets(of: tenant)
        let recorded = try await TenantStore(database: database).userData(of: tenant)
        let userData = try recorded ?? self.userData(launch, orgID: tenant.orgID, slug: slug)
        return try await fleet.ec2.runInstances(
            launch.request(
                orgID: tenant.orgID, slug: slug, token: tenant.launchID,
                userData: try userData.bytes(bootToken: secrets.bootToken)))
    }

    /// By the boot script and the configuration of now.
    func userData(_ launch: Launch, orgID: UUID, slug: String) throws -> UserData {
        try UserData(
            template: settings.launch.bootScript,
            fleet.declaration(orgID: orgID, slug: slug, launch: launch), launch: launch)
    }
}
