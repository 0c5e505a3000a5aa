import Fleet
import Organisations

/// `/cp/admin/orgs`
extension NounDescription {
    static let orgs = NounDescription(
        name: "Organisations", meaning: "Organisations as operators and CI see them.", schemas: orgSchemas,
        routes: [
            RouteDescription(
                "POST /cp/admin/orgs", "Create an organisation; its provisioning begins at once",
                body: Shape.body([
                    "slug": Shape.slug, "name": Shape.text(1...200), "owner_user_id": Shape.text(1...255),
                ]), .created("It is being provisioned.", Shape.named("Org")),
                problems: [409: "`slug_taken`", 503: "`no_capacity`: a quota is used up."]),
            RouteDescription(
                "GET /cp/admin/orgs", "List the living organisations, the newest first",
                query: [.limit(OrgRoutes.listLimits, default: OrgRoutes.defaultListLimit), .offset],
                .ok("A page.", Shape.record(["orgs": Shape.list(Shape.named("Org"))]))),
            RouteDescription(
                "GET /cp/admin/orgs/:slug", "Show an organisation",
                .ok("It.", Shape.named("Org"))),
            RouteDescription(
                "GET /cp/admin/orgs/:slug/admin-token", "Show the tenant's admin token",
                detail: "Every look is kept in the audit log.",
                .ok("Once it is provisioned.", Shape.record(["admin_token": Shape.text()])),
                problems: [409: "`not_provisioned`, `tenant_gone`"]),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/canary", "Make an organisation a canary, before it is provisioned",
                body: Shape.body(["is_canary": Shape.boolean]), .ok("It.", Shape.named("Org")),
                problems: [409: "`already_provisioned`"]),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/owners", "Give an organisation another owner",
                detail: "By the user's id, who may not have signed in yet. Issued again, it changes nothing.",
                body: Shape.body(["user_id": Shape.text(1...255)]),
                .ok("Who owns it now.", Shape.record(["user_id": Shape.text(), "role": Shape.text()]))),
            RouteDescription(
                "GET /cp/admin/orgs/:slug/provision-status", "Where the provisioning stands",
                .ok("Stages, and the reason when it failed.", Shape.named("ProvisionStatus"))),
            RouteDescription(
                "GET /cp/admin/orgs/:slug/provision-status/stream",
                "Where the provisioning stands, as it happens",
                detail: "`event: stage` for each new report, `event: status` for each change and at the end.",
                .lines("Server-sent events.", "text/event-stream")),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/restore", "Bring back a deleted organisation whose volume is kept",
                .accepted("It is being provisioned.", Shape.named("Org")),
                problems: [
                    409: "`not_deleted`, `teardown_under_way`, `not_restorable`", 410: "`purged`",
                    503: "`no_capacity`",
                ]),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/suspend", "Suspend an organisation",
                detail:
                    "Nothing is provisioned or redeployed, its data stays; its tenant learns it through its "
                    + "configuration. Issued again, it changes nothing.",
                body: Shape.body([:], optional: ["reason": Shape.nullable(Shape.text(1...200))]),
                .ok("It.", Shape.named("Org")), problems: [409: "`not_suspendable`"]),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/resume", "End a suspension, whoever began it",
                .ok("It.", Shape.named("Org"))),
            RouteDescription(
                "GET /cp/admin/orgs/:slug/export", "Everything that the platform holds of an organisation",
                .ok("But secrets.", Shape.named("OrgExport"))),
        ])

    private static let orgSchemas: [String: Schema] = [
        "OrgStatus": Shape.words([
            "awaiting_payment", "provisioning", "running", "failed", "suspended", "deprovisioning", "purged",
        ]),
        "Quotas": Shape.record([
            "workspaces": Shape.nullable(Shape.integer()), "llm_tokens": Shape.nullable(Shape.integer()),
        ]).described("Below what the plan allows; null: what the plan allows."),
        "Suspension": Shape.record(
            ["by": Shape.words(["customer", "operator", "billing"]), "at": Shape.time],
            optional: ["reason": Shape.text()]),
        "Org": Shape.record(
            [
                "id": Shape.id, "slug": Shape.slug, "name": Shape.text(), "plan": Shape.text(),
                "status": Shape.named("OrgStatus"), "instance_status": Shape.named("OrgStatus"),
                "is_canary": Shape.boolean, "created_at": Shape.time, "updated_at": Shape.time,
                "quotas": Shape.named("Quotas"), "billing_status": Shape.words(of: BillingStatus.self),
            ],
            optional: [
                "grace_ends_at": Shape.time,
                "restorable_until": Shape.time, "estimated_ready_at": Shape.time,
                "suspension": Shape.named("Suspension"),
            ]),
        "Failure": Shape.record(
            ["code": Shape.text(), "message": Shape.text()], optional: ["console_tail": Shape.text()]),
        "Stage": Shape.record(
            [
                "stage": Shape.text(), "outcome": Shape.words(["started", "succeeded", "failed"]),
                "at": Shape.time, "elapsed_ms": Shape.integer(),
            ], optional: ["duration_ms": Shape.integer(), "code": Shape.text()]),
        "ProvisionStatus": Shape.record(
            [
                "slug": Shape.slug, "status": Shape.named("OrgStatus"),
                "stages": Shape.list(Shape.named("Stage")),
            ],
            optional: [
                "current_stage": Shape.text(), "error": Shape.named("Failure"),
                "workflow": Shape.record(
                    [
                        "id": Shape.id, "kind": Shape.text(), "state": Shape.text(),
                        "attempts": Shape.integer(),
                    ], optional: ["next_action_at": Shape.time, "last_error": Shape.text()]),
            ]),
        "Deletion": Shape.record(
            ["slug": Shape.slug, "status": Shape.named("OrgStatus")],
            optional: ["restorable_until": Shape.time]),
        "OrgExport": Shape.record(
            Dictionary(
                uniqueKeysWithValues: [
                    "organisation", "tenant", "members", "invitations", "tokens", "boot_events",
                    "redeploys", "resources", "credit_periods", "credit_grants", "credit_alerts",
                    "overage_reports", "audit",
                ].map { ($0, Shape.list(["type": "object"])) })),
    ]
}
