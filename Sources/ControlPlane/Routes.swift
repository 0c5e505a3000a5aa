import Hummingbird

/// Every URL of the service, and who may call it.
func routes(_ platform: Platform) -> Router<AppContext> {
    let router = Router(context: AppContext.self)
    router.add(middleware: RequestLogMiddleware())
    router.add(middleware: ProblemMiddleware())

    router.get("health") { _, _ in try Response.json(["service": "molecule-cp", "status": "ok"]) }
    router.get("ready") { _, _ in try await ready(platform) }

    let orgs = OrgRoutes(platform: platform)
    let tenants = TenantRoutes(platform: platform)
    let progress = ProvisionStatusRoutes(platform: platform)
    let reconciler = ReconcilerRoutes(platform: platform)
    let deletion = DeleteRoutes(platform: platform)
    let interventions = InterventionRoutes(platform: platform)
    let capacity = CapacityRoutes(platform: platform)
    let operators = OperatorAuthentication(adminTokenHash: platform.configuration.adminTokenHash)
    router.group("cp/admin").add(middleware: operators)
        .post("orgs", use: orgs.create)
        .get("orgs", use: orgs.list)
        .get("orgs/:slug", use: orgs.show)
        .get("orgs/:slug/admin-token", use: orgs.adminToken)
        .post("orgs/:slug/canary", use: orgs.setCanary)
        .get("orgs/:slug/provision-status", use: progress.show)
        .get("orgs/:slug/provision-status/stream", use: progress.stream)
        .get("orphans", use: reconciler.orphans)
        .get("drift", use: reconciler.drift)
        .post("reconcile", use: reconciler.reconcile)
        .post("orgs/:slug/restore", use: deletion.restore)
        .delete("tenants/:slug", use: deletion.delete)
        .post("tenants/:slug/redeploy", use: tenants.redeploy)
        .get("tenants/:slug/redeploys/:id", use: tenants.showRedeploy)
        .get("tenants/:slug/diagnostics", use: tenants.diagnostics)
        .get("tenants/:slug/console", use: tenants.console)
        .get("tenants/:slug/why", use: interventions.why)
        .post("tenants/:slug/retry", use: interventions.retry)
        .post("tenants/:slug/cancel", use: interventions.cancel)
        .post("tenants/:slug/force", use: interventions.force)
        .post("tenants/:slug/repair", use: interventions.repair)
        .get("capacity", use: capacity.show)

    // An organisation's own erasure. Until browser sessions and partner keys exist, operators call it.
    router.group("cp/orgs").add(middleware: operators)
        .delete(":slug", use: deletion.erase)

    // An instance before enrolment: the boot token, checked by the route itself.
    let boot = BootRoutes(platform: platform)
    router.group("cp/tenants")
        .post("boot-event", use: boot.report)
        .post("enroll", use: boot.enrol)
        .post("re-enroll", use: boot.reEnrol)

    let tenant = TenantSideRoutes(platform: platform)
    router.group("cp/tenants").add(middleware: TenantAuthentication(database: platform.database))
        .post("enroll/confirm", use: tenant.confirmEnrolment)
        .get("config", use: tenant.config)
        .get("registry-credentials", use: tenant.registryCredentials)

    return router
}

/// Ready to be sent traffic: the database answers.
private func ready(_ platform: Platform) async throws -> Response {
    do {
        _ = try await platform.database.query("SELECT 1 AS one")
        return try Response.json(["status": "ready"])
    } catch {
        throw AppError(
            .notReady, "database_unavailable", "The database does not answer.", cause: error, retryAfter: 2)
    }
}
