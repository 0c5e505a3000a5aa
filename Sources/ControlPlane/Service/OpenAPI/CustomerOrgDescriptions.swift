import Fleet
import Organisations

/// `/cp/orgs`
extension NounDescription {
    static let customerOrgs = NounDescription(
        name: "Customers' organisations",
        meaning: "Organisations as the people and programs see them that they belong to.",
        schemas: [
            "CustomerOrg": Shape.record(
                [
                    "id": Shape.id, "slug": Shape.slug, "name": Shape.text(), "plan": Shape.text(),
                    "status": Shape.named("OrgStatus"), "created_at": Shape.time, "updated_at": Shape.time,
                    "credits_balance": Shape.integer(), "plan_monthly_credits": Shape.integer(),
                    "overage_used_credits": Shape.integer(), "overage_cap_credits": Shape.integer(),
                    "billing_status": Shape.words(of: BillingStatus.self),
                ], optional: ["role": MemberShape.role, "grace_ends_at": Shape.time])
        ],
        routes: [
            RouteDescription(
                "POST /cp/orgs", "Create an organisation; its provisioning begins at once",
                detail: "On a plan that costs something it waits for its first payment: see "
                    + "`POST /cp/billing/checkout`.",
                body: Shape.body(
                    ["slug": Shape.slug, "name": Shape.text(1...200)],
                    optional: ["plan": Shape.nullable(Shape.plan)]),
                .created("It is being provisioned, or `awaiting_payment`.", Shape.named("Org")),
                problems: [
                    403: "`terms_not_accepted`", 409: "`slug_taken`, `too_many_orgs`",
                    422: "`billing_not_configured`", 503: "`no_capacity`",
                ]),
            RouteDescription(
                "GET /cp/orgs", "List the organisations that the caller belongs to",
                .ok("All.", Shape.record(["orgs": Shape.list(Shape.named("CustomerOrg"))]))),
            RouteDescription(
                "GET /cp/orgs/:slug", "Show an organisation", .ok("It.", Shape.named("CustomerOrg"))),
            RouteDescription(
                "GET /cp/orgs/:slug/provision-status", "Where the provisioning stands",
                .ok("Stages, and the reason when it failed.", Shape.named("ProvisionStatus"))),
            RouteDescription(
                "GET /cp/orgs/:slug/instance", "Where an organisation's tenant is",
                detail: "Public, for whoever routes to tenants.",
                .ok(
                    "Its instance. The address is private: from outside the tunnel alone leads there.",
                    Shape.record([
                        "slug": Shape.slug, "status": Shape.named("OrgStatus"),
                        "ip": Shape.nullable(Shape.text()), "region": Shape.text(),
                    ]))),
            RouteDescription(
                "PATCH /cp/orgs/:slug", "Set quotas within what the plan allows",
                detail: "A member that is not given stays; null takes the quota away.",
                body: Shape.body(
                    [:],
                    optional: [
                        "workspaces": Shape.nullable(Shape.integer(0...Quotas.maximumWorkspaces)),
                        "llm_tokens": Shape.nullable(Shape.integer(0...Quotas.maximumTokens)),
                    ]), .ok("It.", Shape.named("Org"))),
            RouteDescription(
                "POST /cp/orgs/:slug/suspend", "Suspend an organisation",
                detail: "Nothing is provisioned or redeployed, and its data stays.",
                body: Shape.body([:], optional: ["reason": Shape.nullable(Shape.text(1...200))]),
                .ok("It.", Shape.named("Org")), problems: [409: "`not_suspendable`"]),
            RouteDescription(
                "POST /cp/orgs/:slug/resume", "End a suspension that a customer began",
                .ok("It.", Shape.named("Org")), problems: [403: "`suspended_by_operator`"]),
            RouteDescription(
                "GET /cp/orgs/:slug/export", "Everything that the platform holds of an organisation",
                .ok("But secrets.", Shape.named("OrgExport"))),
            RouteDescription(
                "DELETE /cp/orgs/:slug", "Erase an organisation: nothing is kept",
                detail: "Waits for the end for at most 25 s; issued again, it goes on waiting.",
                body: Shape.confirmation, .ok("How far it is.", Shape.named("Deletion"))),
        ])
}
