import Billing
import TenantProtocol

/// `/cp/llm-usage-events` and `/cp/admin/usage`
extension NounDescription {
    static let usage = NounDescription(
        name: "Usage", meaning: "What organisations use of language models: events that count once.",
        schemas: [
            "UsageEvent": UsageShape.event, "UsageReceipt": UsageShape.receipt,
            "SequenceRange": UsageShape.range, "SetAsideEvent": UsageShape.setAside,
            "SetAsideOutcome": UsageShape.outcome, "ModelPrice": UsageShape.price,
            "UsageCheck": UsageShape.check,
        ],
        routes: [report] + admin + workspaces)

    private static let report = RouteDescription(
        "POST /cp/llm-usage-events", "Report what was used of models",
        detail:
            "At most \(UsageBatch.maximumEvents) events and 1 MiB of JSON, as it is or with "
            + "`Content-Encoding: gzip`. An event counts once for ever, by its id and by its place in the "
            + "stream of `epoch`: the same batch may be sent again after a lost answer. What cannot count is "
            + "set aside with a reason, and needs no repetition: `clock_ahead` (more than 5 minutes), "
            + "`too_old` (more than 35 days), `unknown_model`, `negative_count`, `too_many_tokens`, "
            + "`org_mismatch`, `malformed`, `place_taken`.",
        body: Shape.body(
            ["events": Shape.list(Shape.named("UsageEvent"), 0...UsageBatch.maximumEvents)],
            optional: [
                "epoch": Shape.nullable(Shape.id).described("The stream. Without one no gap can be seen."),
                "sequence": Shape.nullable(Shape.integer(1...SentUsageReader.maximumPlace)).described(
                    "Place of the first event; the others follow."),
                "lost": Shape.nullable(
                    Shape.list(Shape.named("SequenceRange"), 0...UsageReceipt.maximumMissing)
                ).described("Places that the sender has no more."),
            ]),
        .ok("On the disk.", Shape.named("UsageReceipt")),
        problems: [
            400: "`invalid_body`, `unknown_field`, `invalid_epoch`, `invalid_sequence`, `invalid_lost`, "
                + "`invalid_gzip`: nothing of the batch was kept.",
            409: "`stream_torn`: thousands of gaps. `too_many_streams`: 10,000 epochs.",
            413: "`too_many_events`",
            415: "`unsupported_encoding`", 503: "`usage_busy`",
        ])

    private static let admin: [RouteDescription] = [
        RouteDescription(
            "GET /cp/admin/usage/gaps", "Streams of which something is missing or was lost",
            query: [
                UsageShape.org, .limit(UsageAdminRoutes.listLimits, default: UsageAdminRoutes.defaultList),
            ],
            .ok("What is missing first.", Shape.record(["gaps": Shape.list(UsageShape.gap)]))),
        RouteDescription(
            "GET /cp/admin/usage/set-aside", "Events that were received and not counted",
            query: [
                UsageShape.org,
                .init(
                    name: "reason", schema: Shape.words(of: SetAsideReason.self), meaning: "Of one reason."),
                .init(
                    name: "state", schema: Shape.words(of: SetAsideRecord.State.self),
                    meaning: "`waiting` by default."),
                .limit(UsageAdminRoutes.listLimits, default: UsageAdminRoutes.defaultList),
            ],
            .ok(
                "Newest first, and how many wait in all.",
                Shape.record([
                    "events": Shape.list(Shape.named("SetAsideEvent")),
                    "counts": Shape.list(UsageShape.count),
                ]))),
        RouteDescription(
            "POST /cp/admin/usage/set-aside/release", "Judge events again, and count what can be counted",
            detail:
                "A dry run unless `dry_run` is false. The oldest \(SetAsideDecision.maximumEvents) at most; "
                + "what still cannot count stays.",
            body: UsageShape.decision, .ok("What was, or would be, done.", Shape.named("SetAsideOutcome"))),
        RouteDescription(
            "POST /cp/admin/usage/set-aside/discard", "Never count these events",
            detail: "A dry run unless `dry_run` is false. They stay on record.",
            body: UsageShape.decision, .ok("What was, or would be, done.", Shape.named("SetAsideOutcome"))),
        RouteDescription(
            "GET /cp/admin/usage/check", "Compare the sums with the events, month by month",
            query: [
                .init(name: "month", schema: UsageShape.month, meaning: "As 2026-11; every month by default.")
            ],
            .ok("Exact while events come.", Shape.record(["months": Shape.list(Shape.named("UsageCheck"))]))),
        RouteDescription(
            "POST /cp/admin/usage/rebuild", "Make a month's sums anew where they differ",
            body: Shape.body(["month": UsageShape.month]),
            .ok(
                "What differed before.",
                Shape.record(["months": Shape.list(Shape.named("UsageCheck"))]))),
        RouteDescription(
            "GET /cp/admin/usage/prices", "Every version of every price",
            .ok(
                "A model's own price goes before the one of `*`.",
                Shape.record(["prices": Shape.list(Shape.named("ModelPrice"))]))),
        RouteDescription(
            "POST /cp/admin/usage/prices", "Set a price from a moment on",
            detail:
                "What has counted keeps its price: another price begins in ten minutes at the earliest. Only "
                + "where no price covered the model may it begin in the past, for what was set aside.",
            body: Shape.body(
                UsageShape.rates.merging(["provider": UsageShape.name, "model": UsageShape.modelName]) { $1 },
                optional: ["valid_from": Shape.nullable(Shape.time).described("As early as can be.")]),
            .created("Set.", Shape.named("ModelPrice")),
            problems: [409: "`price_exists`", 422: "`price_too_early`, with `earliest`"]),
    ]

    private static let workspaces: [RouteDescription] = [
        RouteDescription(
            "POST /cp/workspace-events", "Report what became of workspaces",
            detail:
                "Never a name or a content. The same id again changes nothing. `Content-Encoding: gzip` too.",
            body: Shape.body([
                "events": Shape.list(
                    Shape.body([
                        "id": Shape.id, "workspace_id": Shape.id,
                        "kind": Shape.words(of: WorkspaceEvent.Kind.self), "occurred_at": Shape.time,
                    ]), 0...WorkspaceEventBatch.maximumEvents)
            ]), .nothing,
            problems: [
                400: "`unknown_field`, `invalid_events`, `invalid_gzip`",
                413: "`too_many_events`", 415: "`unsupported_encoding`",
            ]),
        RouteDescription(
            "GET /cp/admin/analytics/workspaces", "What became of workspaces, over all organisations",
            query: [
                .init(
                    name: "days", schema: Shape.integer(WorkspaceEventRoutes.dayLimits),
                    meaning: "How many days; \(WorkspaceEventRoutes.defaultDays) by default.")
            ],
            .ok(
                "By day (UTC) and kind; groups of fewer than "
                    + "\(WorkspaceEventStore.minimumOrganisations) organisations are only counted.",
                Shape.record([
                    "suppressed": Shape.integer(),
                    "days": Shape.list(
                        Shape.record([
                            "day": Shape.text(), "kind": Shape.words(of: WorkspaceEvent.Kind.self),
                            "events": Shape.integer(), "workspaces": Shape.integer(),
                            "organisations": Shape.integer(),
                        ])),
                ]))),
    ]
}
