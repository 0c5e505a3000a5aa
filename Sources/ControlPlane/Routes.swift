import Hummingbird

/// Every URL of the service, and who may call it.
func routes(_ platform: Platform) -> Router<AppContext> {
    let router = Router(context: AppContext.self)
    router.add(middleware: RequestLogMiddleware())
    router.add(middleware: ProblemMiddleware())

    router.get("health") { _, _ in try Response.json(["service": "molecule-cp", "status": "ok"]) }
    router.get("ready") { _, _ in try await ready(platform) }

    let operators = router.group("cp/admin").add(
        middleware: OperatorAuthentication(adminTokenHash: platform.configuration.adminTokenHash))
    addOrgs(operators, platform)
    addTenants(operators, platform)
    addRollouts(operators, platform)

    // An organisation's own erasure. Until browser sessions and partner keys exist, operators call it.
    router.group("cp/orgs")
        .add(middleware: OperatorAuthentication(adminTokenHash: platform.configuration.adminTokenHash))
        .delete(":slug", use: DeleteRoutes(platform: platform).erase)

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

/// The account as a whole, and organisations from signup to erasure.
private func addOrgs(_ operators: RouterGroup<AppContext>, _ platform: Platform) {
    let orgs = OrgRoutes(platform: platform)
    let progress = ProvisionStatusRoutes(platform: platform)
    let reconciler = ReconcilerRoutes(platform: platform)
    let deletion = DeleteRoutes(platform: platform)
    operators
        .post("orgs", use: orgs.create)
        .get("orgs", use: orgs.list)
        .get("orgs/:slug", use: orgs.show)
        .get("orgs/:slug/admin-token", use: orgs.adminToken)
        .post("orgs/:slug/canary", use: orgs.setCanary)
        .get("orgs/:slug/provision-status", use: progress.show)
        .get("orgs/:slug/provision-status/stream", use: progress.stream)
        .post("orgs/:slug/restore", use: deletion.restore)
        .delete("tenants/:slug", use: deletion.delete)
        .get("capacity", use: CapacityRoutes(platform: platform).show)
        .get("orphans", use: reconciler.orphans)
        .get("drift", use: reconciler.drift)
        .post("reconcile", use: reconciler.reconcile)
}

/// One tenant: another image, and what a person does when it is stuck.
private func addTenants(_ operators: RouterGroup<AppContext>, _ platform: Platform) {
    let tenants = TenantRoutes(platform: platform)
    let redeploys = RedeployRoutes(platform: platform)
    let releases = ReleaseRoutes(platform: platform)
    let interventions = InterventionRoutes(platform: platform)
    operators
        .post("tenants/:slug/redeploy", use: redeploys.redeploy)
        .get("tenants/:slug/redeploys", use: redeploys.history)
        .get("tenants/:slug/redeploys/:id", use: redeploys.show)
        .get("tenants/:slug/release", use: releases.show)
        .patch("tenants/:slug/release", use: releases.change)
        .get("tenants/:slug/diagnostics", use: tenants.diagnostics)
        .get("tenants/:slug/console", use: tenants.console)
        .get("tenants/:slug/why", use: interventions.why)
        .post("tenants/:slug/retry", use: interventions.retry)
        .post("tenants/:slug/cancel", use: interventions.cancel)
        .post("tenants/:slug/force", use: interventions.force)
        .post("tenants/:slug/repair", use: interventions.repair)
}

/// The fleet: release channels, and rollouts.
private func addRollouts(_ operators: RouterGroup<AppContext>, _ platform: Platform) {
    let releases = ReleaseRoutes(platform: platform)
    let rollouts = RolloutRoutes(platform: platform)
    operators
        .get("channels", use: releases.channels)
        .put("channels/:name", use: releases.setChannel)
        .post("tenants/redeploy-fleet", use: FleetRedeployRoute(platform: platform).redeploy)
        .post("rollouts", use: rollouts.create)
        .get("rollouts", use: rollouts.list)
        .get("rollouts/:id", use: rollouts.show)
        .get("rollouts/:id/tenants", use: rollouts.tenants)
        .get("rollouts/:id/events", use: RolloutEventRoutes(platform: platform).stream)
        .post("rollouts/:id/pause", use: rollouts.pause)
        .post("rollouts/:id/resume", use: rollouts.resume)
        .post("rollouts/:id/abort", use: rollouts.abort)
        .post("rollouts/:id/promote", use: rollouts.promote)
        .post("rollouts/:id/rollback", use: rollouts.rollBack)
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
