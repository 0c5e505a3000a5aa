import FoundationEssentials
import Postgres
import TenantProtocol
import Workflows

/// From a signed-up organisation to a tenant that answers on its own hostname.
///
/// Read `run` from top to bottom: it is the story. Every step may run again after a crash, so each looks for
/// what an earlier run has created, or carries a token under which the provider creates only once.
struct ProvisionTenant: Sendable {
    static let kind = "provision_tenant"

    struct Input: Codable, Sendable {
        var orgID: UUID
        var slug: String
        var launchID: UUID
    }

    let platform: Platform
    let input: Input

    func run(_ context: WorkflowContext) async throws {
        let launch = try await decideLaunch(context)
        try await issueCredentials(context)

        let tunnelID = try await createTunnel(context, launch)
        try await routeTunnel(context, launch, tunnelID)
        try await createDNSRecord(context, launch, tunnelID)

        try await launchInstance(context, launch)

        do {
            try await awaitEnrolment(context)
            try await awaitStages(context)
            try await awaitHealthy(context)
        } catch let timeout as WaitTimedOut {
            try await keepConsole(context)
            throw try await explain(timeout)
        }
        try await recordRunning(context, launch)
    }
}

// MARK: - Decisions, before anything exists

extension ProvisionTenant {
    /// Resolves every tag to a digest and fixes the launch, so that repeated calls send the same parameters.
    private func decideLaunch(_ context: WorkflowContext) async throws -> Launch {
        try await context.call("decide_launch") { _ in
            let settings = platform.configuration.launch
            let stack = try await platform.registry.resolve(settings.images)
            let launch = Launch(slug: input.slug, launchID: input.launchID, settings: settings, stack: stack)
            return try await TenantStore(database: platform.database).decide(org: input.orgID, launch: launch)
        }
    }

    /// The credential is committed before the instance that will present it can start.
    private func issueCredentials(_ context: WorkflowContext) async throws {
        try await context.step("issue_credentials") { _ in
            let secrets = TenantSecrets.generate()
            try await TenantStore(database: platform.database).issue(
                org: input.orgID, sealed: try await platform.secrets.seal(secrets),
                bootToken: TokenHash(of: secrets.bootToken), adminToken: TokenHash(of: secrets.adminToken))
        }
    }
}

// MARK: - The way in: tunnel and DNS

extension ProvisionTenant {
    private func createTunnel(_ context: WorkflowContext, _ launch: Launch) async throws -> String {
        try await intend(.tunnel, launch.tunnelName, context)
        let tunnelID = try await context.call("create_tunnel") { _ in
            if let existing = try await platform.cloudflare.findTunnel(name: launch.tunnelName) {
                return existing.id
            }
            // The connector authenticates with the token alone; nobody needs this secret again.
            let secret = RandomSecret.base64(bytes: 32)
            return try await platform.cloudflare.createTunnel(name: launch.tunnelName, secret: secret).id
        }
        try await context.call("keep_tunnel_token") { _ in
            let token = try await platform.cloudflare.tunnelToken(id: tunnelID)
            try await keepTunnel(id: tunnelID, token: token)
        }
        try await created(.tunnel, launch.tunnelName, tunnelID, context)
        return tunnelID
    }

    private func keepTunnel(id: String, token: String) async throws {
        let store = TenantStore(database: platform.database)
        var secrets = try await platform.openSecrets(of: try await store.require(org: input.orgID))
        secrets.tunnelToken = token
        let sealed = try await platform.secrets.seal(secrets)
        try await store.recordTunnel(org: input.orgID, tunnelID: id, sealed: sealed)
    }

    /// What the tunnel carries: the tenant's hostname to workspace-server on the instance, nothing else.
    private func routeTunnel(_ context: WorkflowContext, _ launch: Launch, _ tunnelID: String) async throws {
        try await intend(.tunnelConfiguration, tunnelID, context)
        try await context.call("route_tunnel") { _ in
            try await platform.cloudflare.putTunnelConfiguration(
                id: tunnelID, hostname: launch.hostname, service: "http://127.0.0.1:8080")
        }
        try await created(.tunnelConfiguration, tunnelID, tunnelID, context)
    }

    private func createDNSRecord(_ context: WorkflowContext, _ launch: Launch, _ tunnelID: String)
        async throws
    {
        try await intend(.dnsRecord, launch.hostname, context)
        let content = "\(tunnelID).cfargotunnel.com"
        let recordID = try await context.call("create_dns_record") { _ in
            for record in try await platform.cloudflare.findDNSRecords(name: launch.hostname) {
                if record.content == content { return record.id }
                // A living organisation owns its slug, so this one points to a tunnel that is gone.
                try await platform.cloudflare.deleteDNSRecord(id: record.id)
            }
            return try await platform.cloudflare.createDNSRecord(
                type: "CNAME", name: launch.hostname, content: content, proxied: true,
                comment: "org \(input.orgID.text)"
            ).id
        }
        try await created(.dnsRecord, launch.hostname, recordID, context)
    }
}

// MARK: - The instance

extension ProvisionTenant {
    /// RunInstances under a ClientToken derived from this workflow: a repeated call finds the first's
    /// instance.
    private func launchInstance(_ context: WorkflowContext, _ launch: Launch) async throws {
        let store = TenantStore(database: platform.database)
        try await intend(.instance, input.launchID.text, context)
        let instance = try await context.call("run_instance") { _ in
            let secrets = try await platform.openSecrets(of: try await store.require(org: input.orgID))
            let declaration = platform.declaration(orgID: input.orgID, slug: input.slug, launch: launch)
            let userData = try UserData(template: platform.configuration.launch.bootScript)
                .render(declaration, launch: launch, bootToken: secrets.bootToken)
            let instance = try await platform.ec2.runInstances(
                launch.request(
                    orgID: input.orgID, slug: input.slug, token: input.launchID, userData: userData))
            return LaunchedInstance(id: instance.id, privateIP: instance.privateIPAddress)
        }
        try await context.transaction("record_instance") { transaction in
            try await TenantStore(database: transaction).recordInstance(
                org: input.orgID, instanceID: instance.id, privateIP: instance.privateIP)
            try await ResourceLedger(database: transaction).created(
                .instance, intentID: input.launchID.text, providerID: instance.id)
        }
    }

    private struct LaunchedInstance: Codable, Sendable {
        var id: String
        var privateIP: String?
    }
}

// MARK: - Waiting for the instance

extension ProvisionTenant {
    private var deadlines: Configuration.Deadlines { platform.configuration.deadlines }

    private func awaitEnrolment(_ context: WorkflowContext) async throws {
        try await context.wait(
            "enrolment", deadline: deadlines.enrolment, poll: deadlines.poll,
            until: { try await bootSoFar().tenant.confirmedAt != nil })
    }

    private func awaitStages(_ context: WorkflowContext) async throws {
        for stage in BootStage.allCases where stage.order > BootStage.enrolment.order {
            let name = "stage_\(stage.rawValue)"
            try await context.wait(
                name, deadline: deadlines.stage, poll: deadlines.poll,
                until: {
                    try await bootSoFar().progress.has(stage)
                })
        }
    }

    private func awaitHealthy(_ context: WorkflowContext) async throws {
        try await context.wait(
            "healthy", deadline: deadlines.healthy, poll: .seconds(1),
            until: { await platform.isHealthyThroughEdge(slug: input.slug) })
    }

    /// The tenant and what it has reported, unless a stage of its boot has failed.
    private func bootSoFar() async throws -> (tenant: Tenant, progress: BootProgress) {
        let boot = try await boot()
        guard let failed = boot.progress.failure else { return boot }
        let code = failed.code?.rawValue ?? "unknown"
        throw PermanentFailure(
            code: "stage_failed",
            message: "The instance reported that the stage \(failed.stage.rawValue) failed: \(code).")
    }

    private func boot() async throws -> (tenant: Tenant, progress: BootProgress) {
        let tenant = try await TenantStore(database: platform.database).require(org: input.orgID)
        return (tenant, try await BootEventStore(database: platform.database).progress(of: tenant))
    }

    private func keepConsole(_ context: WorkflowContext) async throws {
        try await context.step("keep_console") { _ in
            try await platform.keepConsole(org: input.orgID)
        }
    }

    private func explain(_ timeout: WaitTimedOut) async throws -> PermanentFailure {
        let progress = try await boot().progress
        return PermanentFailure(
            code: "deadline_exceeded",
            message: "The deadline for \"\(timeout.name)\" has passed; \(progress.summary).")
    }

    private func recordRunning(_ context: WorkflowContext, _ launch: Launch) async throws {
        try await context.transaction("record_running") { transaction in
            let digest = ImageReference(launch.stack.tenant).digest ?? ""
            try await TenantStore(database: transaction).recordRunning(org: input.orgID, imageDigest: digest)
            try await OrgStore(database: transaction).markRunning(id: input.orgID)
        }
    }
}

// MARK: - Intent before effect

extension ProvisionTenant {
    private func intend(
        _ kind: ResourceLedger.Kind, _ intentID: String, _ context: WorkflowContext
    ) async throws {
        try await context.transaction("intend_\(kind.rawValue)") { transaction in
            try await ResourceLedger(database: transaction).intend(kind, intentID: intentID, org: input.orgID)
        }
    }

    private func created(
        _ kind: ResourceLedger.Kind, _ intentID: String, _ providerID: String, _ context: WorkflowContext
    ) async throws {
        try await context.transaction("created_\(kind.rawValue)") { transaction in
            try await ResourceLedger(database: transaction).created(
                kind, intentID: intentID, providerID: providerID)
        }
    }
}
