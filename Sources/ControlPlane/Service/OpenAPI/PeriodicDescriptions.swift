import Organisations

/// `/cp/admin/periodic-failures`
extension NounDescription {
    static let periodicRuns = NounDescription(
        name: "Periodic runs", meaning: "What the service does by itself, as far as it fails.",
        schemas: ["PeriodicFailure": failure],
        routes: [
            RouteDescription(
                "GET /cp/admin/periodic-failures", "List what periodic runs could not do",
                detail:
                    "A thing that fails does not keep its run from the rest. It is attempted again in the "
                    + "next round; once it succeeds, it is no longer listed.",
                query: [
                    .init(name: "run", schema: Shape.words(of: PeriodicRun.self), meaning: "Of one run."),
                    .limit(PeriodicRoutes.listLimits, default: PeriodicRoutes.defaultList),
                ],
                .ok(
                    "The latest failure first.",
                    Shape.record(["failures": Shape.list(Shape.named("PeriodicFailure"))])))
        ])

    private static let failure = Shape.record([
        "run": Shape.words(of: PeriodicRun.self),
        "subject": Shape.text().described("What fails: an organisation, a month, a part of the run."),
        "org_id": Shape.nullable(Shape.id), "slug": Shape.nullable(Shape.slug),
        "failures": Shape.integer().described("In a row."),
        "error": Shape.text().described("Of the last."), "since": Shape.time, "last_at": Shape.time,
    ])
}
