import Hummingbird

/// Every URL of the service, who may call it, and what answers.
func routes(_ platform: Platform) -> [Route] {
    let described =
        publicRoutes(platform) + instanceRoutes(platform) + browserRoutes(platform)
        + customerRoutes(platform) + billingRoutes(platform) + credentialRoutes(platform)
        + orgRoutes(platform) + tenantRoutes(platform) + rolloutRoutes(platform) + creditRoutes(platform)
        + usageRoutes(platform)
    return described + [.openAPI(of: described)]
}

private func publicRoutes(_ platform: Platform) -> [Route] {
    let liveness = Liveness(platform: platform)
    return [
        .get("/health", .anyone, liveness.health).limited(as: .probe),
        .get("/ready", .anyone, liveness.ready).limited(as: .probe),
        .get("/cp/legal/terms", .anyone, TermsRoutes(platform: platform).show),
    ]
}

/// People with a browser. Without an identity provider there are none.
private func browserRoutes(_ platform: Platform) -> [Route] {
    guard let provider = platform.oidc else { return [] }
    let signIn = SignInRoutes(platform: platform, provider: provider)
    let sessions = SessionRoutes(platform: platform)
    let terms = TermsRoutes(platform: platform)
    return [
        .get("/cp/auth/login", .anyone, signIn.login).limited(as: .signIn),
        .get("/cp/auth/signup", .anyone, signIn.signUp).limited(as: .signIn),
        .get(SignInRoutes.callbackPath, .anyone, signIn.callback).limited(as: .signIn),
        .get("/cp/auth/logout", .anyone, sessions.logOutByLink),
        .post("/cp/auth/logout", .anyone, sessions.logOut),
        .post("/cp/auth/logout-everywhere", .user, sessions.logOutEverywhere),
        .get("/cp/auth/me", .user, sessions.me),
        .get("/cp/auth/tenant-member", .user, TenantMemberRoute(platform: platform).show),
        .get("/cp/auth/terms-status", .user, terms.status),
        .post("/cp/auth/accept-terms", .user, terms.accept),
        .post("/cp/auth/accept-invitation", .user, InvitationRoutes(platform: platform).accept),
    ]
}

/// What instances call: boot stages and enrolment, then as the tenant that they have become.
private func instanceRoutes(_ platform: Platform) -> [Route] {
    let boot = BootRoutes(platform: platform)
    let tenant = TenantSideRoutes(platform: platform)
    let rotation = RotationRoutes(platform: platform)
    return [
        .post("/cp/tenants/boot-event", .instance, boot.report).limited(as: .boot),
        .post("/cp/tenants/enroll", .instance, boot.enrol),
        .post("/cp/tenants/re-enroll", .instance, boot.reEnrol),
        .post("/cp/tenants/enroll/confirm", .tenant, tenant.confirmEnrolment),
        .get("/cp/tenants/config", .tenant, tenant.config),
        .get("/cp/tenants/registry-credentials", .tenant, tenant.registryCredentials),
        .get("/cp/tenants/credentials", .tenant, rotation.next),
        .post("/cp/tenants/credentials/confirm", .tenant, rotation.confirm),
    ]
}

/// What customers do with their organisations: people by a browser's session, programs by a key.
private func customerRoutes(_ platform: Platform) -> [Route] {
    let orgs = CustomerOrgRoutes(platform: platform)
    let members = MemberRoutes(platform: platform)
    let invitations = InvitationRoutes(platform: platform)
    let quotas = QuotaRoutes(platform: platform)
    let suspensions = SuspensionRoutes(platform: platform)
    let export = OrgExportRoutes(platform: platform)
    return [
        .post("/cp/orgs", .customers(.createOrgs), orgs.create).limited(as: .signUp),
        .get("/cp/orgs", .customers(.readOrgs), orgs.list),
        .get("/cp/orgs/:slug", .customers(.readOrgs), orgs.show),
        .get("/cp/orgs/:slug/provision-status", .customers(.provisionStatus), orgs.provisionStatus),
        .delete("/cp/orgs/:slug", .customers(.deleteOrgs), DeleteRoutes(platform: platform).erase),
        .get("/cp/orgs/:slug/members", .customers(.readOrgs), members.list),
        .patch("/cp/orgs/:slug/members/:user", .customers(.manageKeys), members.setRole),
        .delete("/cp/orgs/:slug/members/:user", .customers(.manageKeys), members.remove),
        .post("/cp/orgs/:slug/leave", .customers(.readOrgs), members.leave),
        .get("/cp/orgs/:slug/invitations", .customers(.manageKeys), invitations.list),
        .post("/cp/orgs/:slug/invitations", .customers(.manageKeys), invitations.create),
        .delete("/cp/orgs/:slug/invitations/:id", .customers(.manageKeys), invitations.revoke),
        .get("/cp/orgs/:slug/instance", .anyone, orgs.instance),
        .patch("/cp/orgs/:slug", .customers(.manageBilling), quotas.change),
        .post("/cp/orgs/:slug/suspend", .customers(.manageBilling), suspensions.suspendOwn),
        .post("/cp/orgs/:slug/resume", .customers(.manageBilling), suspensions.resumeOwn),
        .get("/cp/orgs/:slug/export", .customers(.exportOrgs), export.showOwn),
    ]
}

/// What is used, and what that costs: as customers see it, and as operators do.
private func creditRoutes(_ platform: Platform) -> [Route] {
    let usage = UsageReportRoutes(platform: platform)
    let credits = CreditRoutes(platform: platform)
    return [
        .get("/cp/orgs/:slug/usage", .customers(.readBilling), usage.showOwn),
        .get("/cp/orgs/:slug/credits", .customers(.readBilling), credits.showOwn),
        .patch("/cp/orgs/:slug/overage-cap", .customers(.manageBilling), credits.setCap),
        .get("/cp/admin/orgs/:slug/usage", .operators(.read), usage.show),
        .get("/cp/admin/orgs/:slug/credits", .operators(.read), credits.show),
        .post("/cp/admin/orgs/:slug/credits", .operators(.admin), credits.adjust),
    ] + overageRoutes(platform)
}

/// Where nothing can be paid, nothing is reported.
private func overageRoutes(_ platform: Platform) -> [Route] {
    guard let stripe = platform.billing.stripe else { return [] }
    let overage = OverageRoutes(platform: platform, stripe: stripe)
    return [
        .get("/cp/admin/billing/overage", .operators(.read), overage.compare),
        .post("/cp/admin/billing/overage/repair", .operators(.admin), overage.repair),
    ]
}

/// Payments. Where nothing can be paid there are none.
private func billingRoutes(_ platform: Platform) -> [Route] {
    guard let stripe = platform.billing.stripe, let settings = platform.configuration.billing.stripe else {
        return []
    }
    let customers = BillingRoutes(platform: platform, stripe: stripe)
    let operators = OperatorBillingRoutes(platform: platform)
    let webhook = WebhookRoute(platform: platform, secrets: settings.webhookSecrets)
    return [
        .post("/cp/billing/checkout", .customersOfBody(.manageBilling), customers.checkout),
        .post("/cp/billing/portal", .customersOfBody(.manageBilling), customers.portal),
        .get("/cp/orgs/:slug/billing", .customers(.readBilling), operators.showOwn),
        .post(WebhookRoute.path, .stripe, webhook.receive).limited(as: .webhook),
        .get("/cp/admin/billing/subscriptions", .operators(.read), operators.list),
        .post("/cp/admin/billing/sync", .operators(.operate), operators.compare),
        .get("/cp/admin/orgs/:slug/billing", .operators(.read), operators.why),
        .post("/cp/admin/orgs/:slug/billing/sync", .operators(.operate), operators.sync),
    ]
}

/// Keys and tokens that are issued by name, and another token for a tenant.
private func credentialRoutes(_ platform: Platform) -> [Route] {
    let operators = OperatorTokenRoutes(platform: platform)
    let partners = PartnerKeyRoutes(platform: platform)
    let tokens = OrgTokenRoutes(platform: platform)
    let rotation = RotationRoutes(platform: platform)
    return [
        .post("/cp/admin/operator-tokens", .operators(.admin), operators.issue),
        .get("/cp/admin/operator-tokens", .operators(.read), operators.list),
        .delete("/cp/admin/operator-tokens/:id", .operators(.admin), operators.revoke),
        .post("/cp/admin/partner-keys", .operators(.admin), partners.issue),
        .get("/cp/admin/partner-keys", .operators(.read), partners.list),
        .delete("/cp/admin/partner-keys/:id", .operators(.admin), partners.revoke),
        .post("/cp/orgs/:slug/tokens", .customers(.manageKeys), tokens.issue),
        .get("/cp/orgs/:slug/tokens", .customers(.manageKeys), tokens.list),
        .delete("/cp/orgs/:slug/tokens/:id", .customers(.manageKeys), tokens.revoke),
        .post("/cp/admin/tenants/:slug/rotate-credentials", .operators(.admin), rotation.rotate),
        .get("/cp/admin/tenants/:slug/credentials", .operators(.read), rotation.show),
    ]
}

/// Organisations from signup to erasure, and the account as a whole.
private func orgRoutes(_ platform: Platform) -> [Route] {
    let orgs = OrgRoutes(platform: platform)
    let progress = ProvisionStatusRoutes(platform: platform)
    let deletion = DeleteRoutes(platform: platform)
    let capacity = CapacityRoutes(platform: platform)
    let reconciler = ReconcilerRoutes(platform: platform)
    let suspensions = SuspensionRoutes(platform: platform)
    let export = OrgExportRoutes(platform: platform)
    let audit = AuditRoutes(platform: platform)
    let members = MemberRoutes(platform: platform)
    return [
        .post("/cp/admin/orgs", .operators(.operate), orgs.create),
        .get("/cp/admin/orgs", .operators(.read), orgs.list),
        .get("/cp/admin/orgs/:slug", .operators(.read), orgs.show),
        .get("/cp/admin/orgs/:slug/admin-token", .operators(.admin), orgs.adminToken),
        .post("/cp/admin/orgs/:slug/canary", .operators(.operate), orgs.setCanary),
        .post("/cp/admin/orgs/:slug/owners", .operators(.admin), members.addOwner),
        .get("/cp/admin/orgs/:slug/provision-status", .operators(.read), progress.show),
        .get("/cp/admin/orgs/:slug/provision-status/stream", .operators(.read), progress.stream),
        .post("/cp/admin/orgs/:slug/restore", .operators(.operate), deletion.restore),
        .post("/cp/admin/orgs/:slug/suspend", .operators(.operate), suspensions.suspend),
        .post("/cp/admin/orgs/:slug/resume", .operators(.operate), suspensions.resume),
        .get("/cp/admin/orgs/:slug/export", .operators(.admin), export.show),
        .delete("/cp/admin/tenants/:slug", .operators(.admin), deletion.delete),
        .get("/cp/admin/audit", .operators(.read), audit.list),
        .get("/cp/admin/audit/export", .operators(.read), audit.export),
        .get("/cp/admin/capacity", .operators(.read), capacity.show),
        .get("/cp/admin/orphans", .operators(.read), reconciler.orphans),
        .get("/cp/admin/drift", .operators(.read), reconciler.drift),
        .post("/cp/admin/reconcile", .operators(.operate), reconciler.reconcile),
    ]
}

/// One tenant: another image, and what a person does when it is stuck.
private func tenantRoutes(_ platform: Platform) -> [Route] {
    let tenants = TenantRoutes(platform: platform)
    let redeploys = RedeployRoutes(platform: platform)
    let releases = ReleaseRoutes(platform: platform)
    let interventions = InterventionRoutes(platform: platform)
    let resizes = ResizeRoutes(platform: platform)
    return [
        .post("/cp/admin/tenants/:slug/redeploy", .operators(.operate), redeploys.redeploy),
        .get("/cp/admin/tenants/:slug/redeploys", .operators(.read), redeploys.history),
        .get("/cp/admin/tenants/:slug/redeploys/:id", .operators(.read), redeploys.show),
        .get("/cp/admin/tenants/:slug/release", .operators(.read), releases.show),
        .patch("/cp/admin/tenants/:slug/release", .operators(.operate), releases.change),
        .get("/cp/admin/tenants/:slug/diagnostics", .operators(.read), tenants.diagnostics),
        .get("/cp/admin/tenants/:slug/console", .operators(.read), tenants.console),
        .get("/cp/admin/tenants/:slug/why", .operators(.read), interventions.why),
        .post("/cp/admin/tenants/:slug/retry", .operators(.operate), interventions.retry),
        .post("/cp/admin/tenants/:slug/cancel", .operators(.operate), interventions.cancel),
        .post("/cp/admin/tenants/:slug/force", .operators(.operate), interventions.force),
        .post("/cp/admin/tenants/:slug/repair", .operators(.operate), interventions.repair),
        .get("/cp/admin/tenants/:slug/instance-type", .operators(.read), resizes.show),
        .post("/cp/admin/tenants/:slug/instance-type", .operators(.operate), resizes.order),
    ]
}

/// The fleet: release channels, and rollouts.
private func rolloutRoutes(_ platform: Platform) -> [Route] {
    let releases = ReleaseRoutes(platform: platform)
    let rollouts = RolloutRoutes(platform: platform)
    let fleet = FleetRedeployRoute(platform: platform)
    let events = RolloutEventRoutes(platform: platform)
    return [
        .get("/cp/admin/channels", .operators(.read), releases.channels),
        .put("/cp/admin/channels/:name", .operators(.operate), releases.setChannel),
        .post("/cp/admin/tenants/redeploy-fleet", .operators(.operate), fleet.redeploy),
        .post("/cp/admin/rollouts", .operators(.operate), rollouts.create),
        .get("/cp/admin/rollouts", .operators(.read), rollouts.list),
        .get("/cp/admin/rollouts/:id", .operators(.read), rollouts.show),
        .get("/cp/admin/rollouts/:id/tenants", .operators(.read), rollouts.tenants),
        .get("/cp/admin/rollouts/:id/events", .operators(.read), events.stream),
        .post("/cp/admin/rollouts/:id/pause", .operators(.operate), rollouts.pause),
        .post("/cp/admin/rollouts/:id/resume", .operators(.operate), rollouts.resume),
        .post("/cp/admin/rollouts/:id/abort", .operators(.operate), rollouts.abort),
        .post("/cp/admin/rollouts/:id/promote", .operators(.operate), rollouts.promote),
        .post("/cp/admin/rollouts/:id/rollback", .operators(.operate), rollouts.rollBack),
    ]
}

/// What tenants use of language models, and what operators look into of it.
private func usageRoutes(_ platform: Platform) -> [Route] {
    let usage = UsageRoutes(platform: platform)
    let admin = UsageAdminRoutes(platform: platform)
    let check = UsageCheckRoutes(platform: platform)
    let prices = PriceRoutes(platform: platform)
    let workspaces = WorkspaceEventRoutes(platform: platform)
    return [
        .post("/cp/llm-usage-events", .tenant, usage.report),
        .post("/cp/workspace-events", .tenant, workspaces.report),
        .get("/cp/admin/analytics/workspaces", .operators(.read), workspaces.figures),
        .get("/cp/admin/usage/gaps", .operators(.read), admin.gaps),
        .get("/cp/admin/usage/set-aside", .operators(.read), admin.setAside),
        .post("/cp/admin/usage/set-aside/release", .operators(.operate), admin.release),
        .post("/cp/admin/usage/set-aside/discard", .operators(.admin), admin.discard),
        .get("/cp/admin/usage/check", .operators(.read), check.show),
        .post("/cp/admin/usage/rebuild", .operators(.operate), check.rebuild),
        .get("/cp/admin/usage/prices", .operators(.read), prices.list),
        .post("/cp/admin/usage/prices", .operators(.admin), prices.set),
    ]
}
