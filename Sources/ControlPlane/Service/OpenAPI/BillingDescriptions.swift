import Billing
import Fleet
import Organisations

/// `/cp/billing`, and what operators see of it.
extension NounDescription {
    static let billing = NounDescription(
        name: "Billing",
        meaning:
            "Payments, by Stripe. Amounts are integers in the currency's smallest unit. Where the platform "
            + "takes no money these routes are not there.",
        schemas: ["Billing": billingView],
        routes: [
            RouteDescription(
                "POST /cp/billing/checkout", "Open the page on which a plan is paid for",
                detail: "At most one page is open for an organisation: asked for again, the same is shown. "
                    + "`{CHECKOUT_SESSION_ID}` in `success_url` is replaced by Stripe.",
                body: Shape.body([
                    "org_slug": Shape.slug, "plan": Shape.plan, "success_url": Shape.text(1...2_048),
                    "cancel_url": Shape.text(1...2_048),
                ]), .ok("Send the browser there.", page(["id": Shape.text()])),
                problems: [
                    404: "`org_not_found`",
                    409: "`already_subscribed`, `checkout_in_progress`, `checkout_over`",
                    422: "`price_missing`", 502: "`provider_failed`",
                ]),
            RouteDescription(
                "POST /cp/billing/portal", "Open the page of invoices, cards and subscriptions",
                body: Shape.body(["org_slug": Shape.slug, "return_url": Shape.text(1...2_048)]),
                .ok("Send the browser there.", page([:])),
                problems: [404: "`org_not_found`", 409: "`no_customer`", 502: "`provider_failed`"]),
            RouteDescription(
                "GET /cp/orgs/:slug/billing", "How an organisation stands with its payments",
                .ok("Newest notices and invoices first.", Shape.named("Billing"))),
            RouteDescription(
                "POST \(WebhookRoute.path)", "What Stripe reports",
                detail:
                    "Any event; at most 1 MiB. Each id counts once. An event only orders a look at Stripe, "
                    + "so that their order does not matter.",
                body: Shape.record([
                    "id": Shape.text(1...255), "type": Shape.text(), "created": Shape.integer(),
                    "livemode": Shape.boolean, "data": ["type": "object"],
                ]),
                .ok(
                    "It is kept.", Shape.record(["received": Shape.boolean, "repeated": Shape.boolean]))),
            RouteDescription(
                "GET /cp/admin/billing/subscriptions", "List what organisations pay",
                query: [
                    .limit(
                        OperatorBillingRoutes.listLimits, default: OperatorBillingRoutes.defaultListLimit),
                    .offset,
                ],
                .ok("In order of their slugs.", Shape.record(["subscriptions": Shape.list(listed)]))),
            RouteDescription(
                "POST /cp/admin/billing/sync", "Compare all subscriptions with Stripe's now",
                detail: "Looks are ordered where they differ.",
                .ok(
                    "What was found.",
                    Shape.record([
                        "started_at": Shape.time, "subscriptions": Shape.integer(),
                        "differing": Shape.integer(), "strangers": Shape.integer(),
                    ])), problems: [409: "`comparison_in_progress`"]),
            RouteDescription(
                "GET /cp/admin/orgs/:slug/billing", "Why an organisation is billed as it is",
                .ok("With the last events that came.", why)),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/billing/sync", "Order a look at Stripe",
                .accepted("It is made within seconds.", Shape.record(["ordered": Shape.boolean])),
                problems: [409: "`no_customer`"]),
        ])

    private static func page(_ more: [String: Schema]) -> Schema {
        Shape.record(["url": Shape.text()].merging(more) { $1 })
    }

    private static let billingView = Shape.record(
        [
            "slug": Shape.slug, "plan": Shape.plan, "status": Shape.named("OrgStatus"),
            "billing_status": Shape.words(of: BillingStatus.self),
            "notices": Shape.list(
                Shape.record(["kind": Shape.words(of: Dunning.Notice.self), "at": Shape.time])),
            "invoices": Shape.list(
                Shape.record(
                    [
                        "id": Shape.text(), "currency": Shape.text(), "total": Shape.integer(),
                        "amount_paid": Shape.integer(), "created_at": Shape.time,
                    ], optional: ["number": Shape.text(), "status": Shape.text()])),
        ],
        optional: [
            "grace_ends_at": Shape.time,
            "subscription": Shape.record(
                ["id": Shape.text(), "status": Shape.text()],
                optional: ["period_end": Shape.time, "ends_at": Shape.time]),
        ])

    private static let listed = Shape.record(
        ["slug": Shape.slug, "plan": Shape.plan, "billing_status": Shape.words(of: BillingStatus.self)],
        optional: [
            "customer": Shape.text(), "subscription": Shape.text(), "subscription_status": Shape.text(),
            "problem": Shape.text(),
        ])

    private static let why = Shape.record(
        [
            "billing": Shape.named("Billing"), "surplus": Shape.integer(), "pending": Shape.integer(),
            "events": Shape.list(
                Shape.record([
                    "id": Shape.text(), "type": Shape.text(), "at": Shape.time,
                    "outcome": Shape.words(["applied", "ignored", "unmatched"]),
                ])),
        ],
        optional: [
            "customer": Shape.text(), "lookup_key": Shape.text(), "failing_since": Shape.time,
            "problem": Shape.text(), "synced_at": Shape.time, "next_look_at": Shape.time,
        ])
}
