import Billing
import TenantProtocol

/// The schemas of usage.
enum UsageShape {
    static let org = RouteDescription.Parameter(
        name: "org", schema: Shape.text(), meaning: "An organisation's slug or id.")
    static let month = Shape.text(pattern: "^[0-9]{4}-[0-9]{2}$")
    static let name = Shape.text(pattern: "^[A-Za-z0-9._:/@+-]{1,\(UsageField.maximumNameBytes)}$")
    static let modelName = Shape.text(pattern: #"^([A-Za-z0-9._:/@+-]{1,128}|\*)$"#)
    private static let tokens = Shape.integer(0...UsageEvent.maximumTokens)
    private static let rate = Shape.integer(ModelPrice.limits)

    static let event = Shape.body(
        [
            "id": Shape.id.described("Made once, when the model has answered; a version 7 is best."),
            "workspace_id": Shape.id, "model": name, "provider": name,
            "input_tokens": tokens.described("Not cached."),
            "output_tokens": tokens.described("Without those of reasoning."),
            "occurred_at": Shape.time,
        ],
        optional: [
            "cached_tokens": tokens, "reasoning_tokens": tokens,
            "org_id": Shape.id.described("Has to be the sender's, if it is there."),
        ])

    static let range = Shape.record(["from": Shape.integer(), "to": Shape.integer()])
        .described("Places of a stream, both ends included.")

    static let receipt = Shape.record([
        "accepted": Shape.integer(), "duplicates": Shape.integer(), "set_aside": Shape.integer(),
        "missing": Shape.list(Shape.named("SequenceRange"), 0...UsageReceipt.maximumMissing).described(
            "To be sent again, or named as `lost`; the oldest first."),
    ])

    static let gap = Shape.record([
        "slug": Shape.slug, "org_id": Shape.id, "epoch": Shape.id, "missing_places": Shape.integer(),
        "missing": Shape.list(Shape.named("SequenceRange")), "lost_places": Shape.integer(),
        "lost": Shape.list(Shape.named("SequenceRange")), "last_received_at": Shape.time,
    ])

    static let setAside = Shape.record(
        [
            "id": Shape.id, "org_id": Shape.id, "reason": Shape.words(of: SetAsideReason.self),
            "detail": Shape.text(), "event": Shape.table(Shape.text()), "received_at": Shape.time,
            "state": Shape.words(of: SetAsideRecord.State.self),
        ], optional: ["slug": Shape.slug, "decided_at": Shape.time, "decided_by": Shape.text()])

    static let count = Shape.record(
        [
            "reason": Shape.words(of: SetAsideReason.self), "events": Shape.integer(), "since": Shape.time,
        ], optional: ["slug": Shape.slug])

    static let decision = Shape.body(
        [:],
        optional: [
            "org": Shape.nullable(Shape.text()),
            "reason": Shape.nullable(Shape.words(of: SetAsideReason.self)),
            "ids": Shape.nullable(Shape.list(Shape.id, 0...SetAsideDecision.maximumEvents)),
            "dry_run": Shape.nullable(Shape.boolean),
        ]
    ).described("At least one of `org`, `reason` and `ids`.")

    static let outcome = Shape.record([
        "dry_run": Shape.boolean, "matched": Shape.integer(), "decided": Shape.integer(),
        "duplicates": Shape.integer(),
        "kept": Shape.list(
            Shape.record([
                "id": Shape.id, "reason": Shape.words(of: SetAsideReason.self), "detail": Shape.text(),
            ])),
    ])

    static let rates: [String: Schema] = [
        "input_millicredits": rate, "output_millicredits": rate, "cached_millicredits": rate,
        "reasoning_millicredits": rate,
    ]

    static let price = Shape.record(
        rates.merging(["provider": name, "model": modelName, "valid_from": Shape.time]) { $1 }
    ).described("Millicredits a token; a credit is 1,000.")

    static let check = Shape.record([
        "month": month, "has_raw_rows": Shape.boolean, "events": Shape.integer(),
        "differences": Shape.integer(), "rebuilt": Shape.boolean,
        "named": Shape.list(
            Shape.record([
                "table": Shape.words(["hours", "days"]), "org_id": Shape.id, "time": Shape.text(),
                "workspace_id": Shape.id, "provider": Shape.text(), "model": Shape.text(),
                "events": Shape.integer(), "events_expected": Shape.integer(),
                "millicredits": Shape.integer(), "millicredits_expected": Shape.integer(),
            ])),
    ])
}
