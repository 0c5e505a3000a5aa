import Organisations

/// The account as a whole: quotas, and the comparison of rows and cloud.
extension NounDescription {
    static let account = NounDescription(
        name: "Account", meaning: "Quotas of the providers, and what rows and cloud disagree about.",
        schemas: ["ReconcilerReport": report],
        routes: [
            RouteDescription(
                "GET /cp/admin/capacity", "What is used of every quota, and how long the rest lasts",
                .ok(
                    "Quotas and the providers' limits.",
                    Shape.record([
                        "growth_per_day": Shape.number, "waiting_for_launch": Shape.integer(),
                        "estimated_ready_at": Shape.time,
                        "quotas": Shape.list(
                            Shape.record(
                                [
                                    "name": Shape.text(), "used": Shape.integer(), "limit": Shape.integer(),
                                    "headroom": Shape.integer(),
                                ], optional: ["days_to_exhaustion": Shape.number])),
                        "buckets": Shape.list(
                            Shape.record([
                                "name": Shape.text(), "queue_seconds": Shape.number,
                                "blocked_seconds": Shape.number, "admitted": Shape.integer(),
                                "throttled": Shape.integer(),
                            ])),
                    ]))),
            RouteDescription(
                "GET /cp/admin/orphans", "What the cloud has and no row wants",
                .ok("Of the last comparison.", Shape.named("ReconcilerReport"))),
            RouteDescription(
                "GET /cp/admin/drift", "What the rows say and the cloud has otherwise",
                .ok("Of the last comparison.", Shape.named("ReconcilerReport"))),
            RouteDescription(
                "POST /cp/admin/reconcile", "Compare rows and cloud now",
                detail:
                    "A dry run is the default. With `wait` false all replicas are signalled, one runs it.",
                body: Shape.body(
                    [:],
                    optional: [
                        "dry_run": Shape.nullable(Shape.boolean),
                        "delete_unknown": Shape.nullable(Shape.boolean),
                        "wait": Shape.nullable(Shape.boolean),
                    ]), .ok("What was found, and done.", Shape.named("ReconcilerReport")),
                .accepted("Signalled.", Shape.record(["ordered_at": Shape.text()])),
                problems: [409: "`reconcile_in_progress`", 502: "A provider did not answer."]),
        ])

    private static let report = Shape.record(
        [
            "findings": Shape.list(["type": "object"]), "monthly_usd": Shape.number,
            "unknown_prices": Shape.integer(),
        ], optional: ["run": ["type": "object"]])
}
