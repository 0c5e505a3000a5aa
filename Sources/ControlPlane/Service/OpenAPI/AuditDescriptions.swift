import Organisations

/// `/cp/admin/audit`
extension NounDescription {
    static let audit = NounDescription(
        name: "Audit log", meaning: "Who changed what, with which credential, from where.",
        schemas: ["AuditEntry": entry],
        routes: [
            RouteDescription(
                "GET /cp/admin/audit", "List changes, the newest first",
                query: [
                    .init(name: "org", schema: Shape.text(1...200), meaning: "A slug or an id."),
                    .init(
                        name: "action", schema: Shape.text(1...200),
                        meaning: "`org.created`, or `org` for all of a noun's."),
                    .init(name: "actor", schema: Shape.text(1...200), meaning: "A caller's name."),
                    .init(name: "subject", schema: Shape.text(1...200), meaning: "What was changed."),
                    .init(name: "since", schema: Shape.time, meaning: "From this time on."),
                    .init(name: "until", schema: Shape.time, meaning: "Until before this time."),
                    .init(
                        name: "before", schema: Shape.integer(1...Int(Int32.max)),
                        meaning: "`next` of the page before this one."),
                    .limit(AuditRoutes.listLimits, default: AuditRoutes.defaultList),
                ],
                .ok(
                    "A page; `next` is absent at the end.",
                    Shape.record(
                        ["entries": Shape.list(Shape.named("AuditEntry"))],
                        optional: ["next": Shape.integer()]))
            ),
            RouteDescription(
                "GET /cp/admin/audit/export", "The whole log with its chain of hashes",
                detail:
                    "One JSON object a line: `sequence`, `sealed_at`, `hash`, `entry_id` and `entry`, links "
                    + "in order, then what is not sealed yet. A link's hash: SHA-256 of canonical JSON (RFC "
                    + "8785) of `{\"entry\", \"previous\", \"sealed_at\", \"sequence\"}`; the first has 64 "
                    + "zeros before it.",
                query: [
                    .init(
                        name: "after", schema: Shape.integer(0...Int(Int32.max)), meaning: "Behind this link."
                    )
                ], .lines("JSON lines.", "application/x-ndjson")),
        ])

    private static let entry = Shape.record(
        [
            "id": Shape.integer(), "at": Shape.time, "action": Shape.text(), "subject": Shape.text(),
            "actor_kind": Shape.words(of: RequestOrigin.Kind.self), "actor_name": Shape.text(),
            "before": ["type": "object"], "after": ["type": "object"],
            "sequence": Shape.nullable(Shape.integer()).described("Of its link; null: not sealed yet."),
        ], optional: ["org_id": Shape.id, "address": Shape.text(), "request_id": Shape.text()])
}
