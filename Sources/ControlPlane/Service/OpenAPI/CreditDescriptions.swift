import Billing

/// `.../orgs/:slug/usage`, `.../orgs/:slug/credits`, `/cp/orgs/:slug/overage-cap`
extension NounDescription {
    static let credits = NounDescription(
        name: "Credits and usage",
        meaning: "What an organisation uses of language models, what it was granted, and what is charged "
            + "beyond. A credit is 1,000 millicredits; a month is a calendar month in UTC.",
        schemas: ["Credits": monthOfCredits, "UsageReport": report, "OverageBooks": books],
        routes: [
            usage("GET /cp/orgs/:slug/usage"),
            RouteDescription(
                "GET /cp/orgs/:slug/credits", "Show credits of a month", query: [month],
                .ok("With the grants that they are made of, and the alerts.", Shape.named("Credits"))),
            RouteDescription(
                "PATCH /cp/orgs/:slug/overage-cap", "Set how much overage a month may have",
                detail: "For this month and those that follow. Nobody is charged beyond it; what is charged "
                    + "already stays so. null: what the platform's configuration says.",
                body: Shape.body(["credits": Shape.nullable(Shape.integer(0...CreditRules.maximumCap))]),
                .ok("The month.", Shape.named("Credits"))),
            usage("GET /cp/admin/orgs/:slug/usage"),
            RouteDescription(
                "GET /cp/admin/orgs/:slug/credits", "Show an organisation's credits of a month",
                query: [month],
                .ok("With the grants that they are made of, and the alerts.", Shape.named("Credits"))),
            RouteDescription(
                "POST /cp/admin/orgs/:slug/credits", "Give credits by hand, or take some back",
                detail: "Once for each key of a month: the same again changes nothing, and answers 200.",
                body: Shape.body(
                    [
                        "credits": Shape.integer(CreditRoutes.adjustments).described("Not 0."),
                        "key": Shape.text(1...CreditRoutes.maximumKeyLength),
                    ],
                    optional: [
                        "note": Shape.nullable(Shape.text(1...CreditRoutes.maximumNoteLength)),
                        "month": Shape.nullable(monthText),
                    ]),
                .created("The month.", Shape.named("Credits")),
                .ok("It was done before.", Shape.named("Credits")), problems: [409: "`too_few_credits`"]),
            RouteDescription(
                "GET /cp/admin/billing/overage",
                "Compare overage as used, as reported, and as Stripe has counted it",
                query: [
                    month,
                    .init(name: "org", schema: Shape.text(1...36), meaning: "A slug or an id."),
                    .init(name: "after", schema: Shape.id, meaning: "`next` of the page before this one."),
                ],
                .ok(
                    "Organisations with overage or reports in the month; `next` is absent at the end.",
                    Shape.record(
                        [
                            "month": monthText,
                            "organisations": Shape.list(Shape.named("OverageBooks")),
                        ], optional: ["next": Shape.id]))),
            RouteDescription(
                "POST /cp/admin/billing/overage/repair", "Mend what can be mended without a doubt",
                detail: "Overage in no report is reported; what Stripe answered for and does not show a day "
                    + "later is sent again. Anything else is for a person.",
                body: Shape.body([
                    "org": Shape.text(1...36), "month": monthText, "dry_run": Shape.boolean,
                ]), .ok("What is to be done, or was.", Shape.named("OverageBooks")),
                problems: [404: "`no_overage`"]),
        ])

    private static let monthText = Shape.text(pattern: "^[0-9]{4}-(0[1-9]|1[0-2])$")
    private static let month = RouteDescription.Parameter(
        name: "month", schema: monthText, meaning: "As 2026-11; the present one by default.")
    private static let day: Schema = ["type": "string", "format": "date"]

    private static func usage(_ route: String) -> RouteDescription {
        RouteDescription(
            route, "Sum up usage by day, model or workspace",
            detail: "Also as CSV (RFC 4180): by `format=csv`, or by `Accept: text/csv`. A field that a "
                + "spreadsheet would take for a formula begins with an apostrophe.",
            query: [
                .init(
                    name: "from", schema: day,
                    meaning: "The first day (UTC); by default the first of the month of `to`."),
                .init(
                    name: "to", schema: day,
                    meaning: "The last day; today by default. At most \(DayRange.maximumDays) days."),
                .init(
                    name: "group_by", schema: Shape.words(of: UsageReport.Grouping.self),
                    meaning: "`day` by default."),
                .init(name: "format", schema: Shape.words(["json", "csv"]), meaning: "Before `Accept`."),
            ],
            .ok("At most \(UsageReport.maximumRows) rows.", Shape.named("UsageReport"))
                .alsoText("text/csv"),
            problems: [422: "`too_many_rows`"])
    }

    private static let sums = [
        "events": Shape.integer(), "input_tokens": Shape.integer(), "output_tokens": Shape.integer(),
        "cached_tokens": Shape.integer(), "reasoning_tokens": Shape.integer(),
        "millicredits": Shape.integer(),
    ]

    private static let books = Shape.record(
        [
            "org_id": Shape.id, "slug": Shape.slug, "month": monthText, "used_credits": Shape.integer(),
            "granted_credits": Shape.integer(), "overage_credits": Shape.integer(),
            "uncharged_credits": Shape.integer(), "reported_credits": Shape.integer(),
            "open_credits": Shape.integer().described(
                "Of the reported: it is not known yet what became of it."),
            "stripe_credits": Shape.nullable(Shape.integer()).described("null: Stripe could not be asked."),
            "difference_credits": Shape.nullable(Shape.integer()),
            "problem": Shape.nullable(Shape.text()),
            "remedy": Shape.words(["none", "report", "wait", "send_again", "by_hand"]),
        ], optional: ["advice": Shape.text(), "done": Shape.boolean])

    private static let report = Shape.record([
        "from": day, "to": day, "group_by": Shape.words(of: UsageReport.Grouping.self),
        "rows": Shape.list(
            Shape.record(
                sums,
                optional: [
                    "day": day, "provider": Shape.text(), "model": Shape.text(), "workspace_id": Shape.id,
                ])), "totals": Shape.record(sums),
    ])

    private static let monthOfCredits = Shape.record([
        "month": monthText, "plan": Shape.text(), "plan_monthly_credits": Shape.integer(),
        "granted_credits": Shape.integer(), "used_credits": Shape.integer(),
        "used_millicredits": Shape.integer(), "credits_balance": Shape.integer(),
        "overage_used_credits": Shape.integer().described("What is charged; never beyond the cap."),
        "overage_cap_credits": Shape.integer(),
        "own_overage_cap_credits": Shape.nullable(Shape.integer()),
        "credits_remaining": Shape.integer().described("Until no model may be called."),
        "uncharged_credits": Shape.integer().described("Used beyond the cap, and given away."),
        "state": Shape.nullable(Shape.words(of: CreditState.self)).described("null: a plan without credits."),
        "grants": Shape.list(
            Shape.record(
                [
                    "kind": Shape.words(of: CreditGrant.Kind.self), "credits": Shape.integer(),
                    "effective_at": Shape.time,
                ], optional: ["plan": Shape.text(), "note": Shape.text()])),
        "alerts": Shape.list(
            Shape.record([
                "kind": Shape.words(of: CreditAlert.Kind.self), "at": Shape.time, "used": Shape.integer(),
                "limit": Shape.integer(),
            ])),
    ])
}
