import Fleet

/// `/cp/admin/rollouts`
extension NounDescription {
    static let rollouts = NounDescription(
        name: "Rollouts", meaning: "One image for many tenants, in waves.", schemas: schemas,
        routes: [
            RouteDescription(
                "POST /cp/admin/rollouts", "Begin a rollout, or plan one", body: order,
                .accepted("It has begun.", Shape.named("Rollout")),
                .ok("A dry run: what it would do.", Shape.named("RolloutPlan")),
                problems: [
                    409: "`rollout_in_progress`, `image_was_rolled_back`, `canary_unavailable`",
                    422: "`channel_not_found`, `image_not_found`, `org_not_found`",
                    502: "The registry did not answer.",
                ]),
            RouteDescription(
                "GET /cp/admin/rollouts", "List rollouts, the newest first",
                query: [.limit(RolloutRoutes.listLimits, default: RolloutRoutes.defaultList)],
                .ok("A page.", Shape.record(["rollouts": Shape.list(Shape.named("Rollout"))]))),
            RouteDescription(
                "GET /cp/admin/rollouts/:id", "Show a rollout", .ok("It.", Shape.named("Rollout"))),
            RouteDescription(
                "GET /cp/admin/rollouts/:id/tenants", "What became of each tenant",
                query: [
                    .init(
                        name: "phase", schema: Shape.words(of: RolloutTenant.Outcome.self),
                        meaning: "Only these."),
                    .limit(RolloutRoutes.tenantLimits, default: 500), .offset,
                ],
                .ok("A page.", Shape.record(["tenants": Shape.list(Shape.named("RolloutTenant"))]))),
            RouteDescription(
                "GET /cp/admin/rollouts/:id/events", "What has happened and what happens",
                detail:
                    "Each event has its sequence as `id`; `Last-Event-ID` goes on behind. The last is `end`.",
                .lines("Server-sent events.", "text/event-stream")),
            change("pause", "Begin nothing more until it is resumed"),
            change("resume", "Go on"),
            change("abort", "Begin nothing more; what has begun ends by itself"),
            change("promote", "Let the present wave pass without the rest of its soak"),
            change("rollback", "Bring everything that it updated back to what it had"),
            RouteDescription(
                "POST /cp/admin/tenants/redeploy-fleet", "A rollout in one request, for clients that wait",
                detail: "Behind it stands a rollout like any other: it goes on when the request breaks off.",
                body: Shape.body(
                    [:],
                    optional: [
                        "target_tag": Shape.nullable(Shape.tag), "canary_slug": Shape.nullable(Shape.slug),
                        "soak_seconds": Shape.nullable(Shape.integer(RolloutSettings.soakLimits)),
                        "batch_size": Shape.nullable(Shape.integer(RolloutSettings.batchLimits)),
                        "dry_run": Shape.nullable(Shape.boolean),
                    ]),
                .ok(
                    "After its end, or after 1,170 s.",
                    Shape.record(
                        [
                            "ok": Shape.boolean, "dry_run": Shape.boolean,
                            "results": Shape.list(Shape.named("RolloutTenant")),
                        ],
                        optional: [
                            "rollout_id": Shape.id, "state": Shape.text(), "message": Shape.text(),
                        ])),
                problems: [
                    409: "`rollout_in_progress`, `image_was_rolled_back`, `canary_unavailable`",
                    422: "`image_not_found`, `org_not_found`", 502: "The registry did not answer.",
                ]),
        ])

    private static func change(_ action: String, _ summary: String) -> RouteDescription {
        RouteDescription(
            "POST /cp/admin/rollouts/:id/\(action)", summary,
            .accepted("Ordered.", Shape.named("Rollout")),
            problems: [409: "The rollout's state does not allow it, or another one has its tenants."])
    }

    private static let order: Schema = {
        func number(_ range: ClosedRange<Int>) -> Schema { Shape.nullable(Shape.integer(range)) }
        typealias Limits = RolloutSettings
        return Shape.body(
            [:],
            optional: [
                "target_tag": Shape.nullable(Shape.tag), "digest": Shape.nullable(Shape.digest),
                "service": Shape.nullable(Shape.words(of: StackService.self)),
                "refresh": Shape.nullable(Shape.boolean),
                "channel": Shape.nullable(Shape.text(pattern: "^[a-z][a-z0-9-]{0,31}$")),
                "slugs": Shape.nullable(Shape.list(Shape.slug, 1...RolloutOrder.maximumSlugs)),
                "canary_slugs": Shape.nullable(Shape.list(Shape.slug, 1...Limits.maximumCanaries)),
                "soak_seconds": number(Limits.soakLimits), "wave_soak_seconds": number(Limits.soakLimits),
                "waves": Shape.nullable(Shape.list(Shape.integer(1...100), 1...Limits.maximumWaves)),
                "batch_size": number(Limits.batchLimits), "concurrency": number(Limits.concurrencyLimits),
                "health_seconds": number(Limits.healthLimits),
                "drain_seconds": number(Replacement.drainLimits),
                "max_failures": number(Limits.failureLimits),
                "max_failure_percent": number(Limits.percentLimits),
                "offline_seconds": number(Limits.soakLimits),
                "rollback": Shape.nullable(Shape.words(of: Limits.Rollback.self)),
                "force": Shape.nullable(Shape.boolean), "dry_run": Shape.nullable(Shape.boolean),
            ])
    }()

    private static let schemas: [String: Schema] = [
        "Rollout": Shape.record(
            [
                "id": Shape.id, "state": Shape.text(), "stage": Shape.text(), "wave": Shape.integer(),
                "service": Shape.words(of: StackService.self), "refresh": Shape.boolean,
                "settings": ["type": "object"], "outcomes": Shape.table(Shape.integer()),
                "total": Shape.integer(), "waves": Shape.list(["type": "object"]), "created_at": Shape.time,
            ],
            optional: [
                "target_tag": Shape.text(), "digest": Shape.text(), "channel": Shape.text(),
                "reason_code": Shape.text(), "reason": Shape.text(), "soak_until": Shape.time,
                "pace_seconds": Shape.number, "estimated_seconds": Shape.integer(), "finished_at": Shape.time,
            ]),
        "RolloutPlan": Shape.record(
            [
                "dry_run": Shape.boolean, "service": Shape.words(of: StackService.self),
                "settings": ["type": "object"], "total": Shape.integer(),
                "waves": Shape.list(["type": "object"]), "skipped": Shape.list(["type": "object"]),
                "estimated_seconds": Shape.integer(),
            ],
            optional: ["target_tag": Shape.text(), "digest": Shape.text(), "pace_seconds": Shape.number]),
        "RolloutTenant": Shape.record([
            "slug": Shape.slug, "wave": Shape.integer(),
            "phase": Shape.words(of: RolloutTenant.Outcome.self),
            "verdict": Shape.nullable(Shape.text()), "redeploy_id": Shape.nullable(Shape.id),
            "digest_before": Shape.nullable(Shape.text()), "digest_after": Shape.nullable(Shape.text()),
            "ssm_status": Shape.nullable(Shape.text()), "ssm_exit_code": Shape.nullable(Shape.integer()),
            "healthz_ok": Shape.nullable(Shape.boolean), "error_code": Shape.nullable(Shape.text()),
            "error": Shape.nullable(Shape.text()),
        ]),
    ]
}
