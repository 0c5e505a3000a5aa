import Fleet
import Organisations

/// `/cp/admin/tenants`
extension NounDescription {
    static let tenants = NounDescription(
        name: "Tenants", meaning: "One tenant: another image, and what a person does when it is stuck.",
        schemas: schemas,
        routes: [
            RouteDescription(
                "DELETE /cp/admin/tenants/:slug", "Delete a tenant; what the plan keeps is kept",
                detail: "Waits for the end for at most 25 s; issued again, it resumes.",
                body: Shape.body(
                    ["confirm": Shape.slug], optional: ["erase": Shape.nullable(Shape.boolean)]),
                .ok("How far it is.", Shape.named("Deletion"))),
            RouteDescription(
                "POST /cp/admin/tenants/:slug/redeploy", "Run another image",
                detail: "A tag, a digest, or neither for the one that the tenant is meant to run.",
                body: order, .accepted("It has begun.", Shape.named("Redeploy")),
                .ok("A dry run: what it would do.", Shape.named("RedeployPlan")),
                problems: [
                    409: "`not_running`, `redeploy_in_progress`, `resize_in_progress`",
                    422: "`image_not_found`",
                    502: "The registry did not answer.",
                ]),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/redeploys",
                "The history of the tenant's images, the newest first",
                query: [.limit(RedeployRoutes.historyLimits, default: RedeployRoutes.defaultHistory)],
                .ok("A page.", Shape.record(["redeploys": Shape.list(Shape.named("Redeploy"))]))),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/redeploys/:id", "Show a redeploy",
                .ok("It.", Shape.named("Redeploy"))),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/diagnostics", "Everything that the platform knows of a tenant",
                .ok(
                    "On one page.",
                    Shape.record(
                        [
                            "org": Shape.named("Org"), "healthy_through_edge": Shape.boolean,
                            "resources": Shape.list(["type": "object"]),
                            "provisioning": Shape.named("ProvisionStatus"),
                        ],
                        optional: [
                            "instance_id": Shape.text(), "private_ip": Shape.text(),
                            "tunnel_id": Shape.text(),
                            "image_digest": Shape.text(), "enrolled_at": Shape.time, "running_at": Shape.time,
                        ])), problems: [409: "`tenant_gone`"]),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/console", "The console of the tenant's instance",
                .ok("Its text.", Shape.record(["output": Shape.text()])),
                problems: [409: "`tenant_gone`", 502: "EC2 did not answer."]),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/why", "Why a tenant is where it is, and what happens next",
                .ok(
                    "On one screen.",
                    Shape.record(
                        [
                            "slug": Shape.slug, "status": Shape.named("OrgStatus"),
                            "suggestions": Shape.list(Shape.text()),
                        ],
                        optional: [
                            "failure": Shape.named("Failure"), "workflow": ["type": "object"],
                            "last_report": Shape.text(), "last_call": ["type": "object"],
                            "console_tail": Shape.text(),
                        ]))),
            RouteDescription(
                "POST /cp/admin/tenants/:slug/retry",
                "Hurry what is under way, or launch a failed tenant anew",
                .accepted("Ordered.", Shape.named("Intervention")),
                problems: [409: "`nothing_under_way`, `teardown_under_way`", 503: "`no_capacity`"]),
            RouteDescription(
                "POST /cp/admin/tenants/:slug/cancel", "End what is under way",
                .accepted("Ordered.", Shape.named("Intervention")),
                problems: [
                    409: "`nothing_under_way`, `teardown_cannot_be_cancelled`, `part_of_a_rollout`, "
                        + "`resize_in_progress`"
                ]),
            RouteDescription(
                "POST /cp/admin/tenants/:slug/force", "Declare what is waited for as given",
                body: Shape.confirmation, .accepted("Ordered.", Shape.named("Intervention")),
                problems: [
                    409: "`nothing_under_way`, `nothing_to_force`, `part_of_a_rollout`, `resize_in_progress`"
                ]),
            RouteDescription(
                "POST /cp/admin/tenants/:slug/repair", "Run the user-data again on the living instance",
                .accepted("Ordered.", Shape.named("Intervention")),
                problems: [409: "`no_instance`, `tenant_gone`, `repair_in_progress`, `resize_in_progress`"]),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/instance-type", "What the instance is, and what its plan says",
                .ok("With the last change that was ordered.", Shape.named("InstanceType")),
                problems: [409: "`tenant_gone`, `not_running`"]),
            RouteDescription(
                "POST /cp/admin/tenants/:slug/instance-type", "Give the instance another type",
                detail:
                    "The plan's, where none is given. It is stopped, changed and started in the maintenance "
                    + "window, or `now`; if it does not come up, it gets its former type back.",
                body: Shape.body(
                    [:],
                    optional: [
                        "instance_type": Shape.nullable(
                            Shape.text(pattern: "^[a-z][a-z0-9-]{0,31}\\.[a-z0-9-]{1,31}$")),
                        "now": Shape.nullable(Shape.boolean), "dry_run": Shape.nullable(Shape.boolean),
                    ]),
                .accepted("Ordered.", Shape.named("InstanceType")),
                .ok("There is nothing to do, or a dry run.", Shape.named("InstanceType")),
                problems: [409: "`tenant_gone`, `not_running`"]),
        ])

    private static let order = Shape.body(
        [:],
        optional: [
            "target_tag": Shape.nullable(Shape.tag), "digest": Shape.nullable(Shape.digest),
            "service": Shape.nullable(Shape.words(of: StackService.self)),
            "refresh": Shape.nullable(Shape.boolean),
            "drain_seconds": Shape.nullable(Shape.integer(Replacement.drainLimits)),
            "dry_run": Shape.nullable(Shape.boolean),
        ])

    private static let schemas: [String: Schema] = [
        "Intervention": Shape.record(
            ["slug": Shape.slug, "action": Shape.text(), "message": Shape.text()],
            optional: ["workflow_id": Shape.id]),
        "Redeploy": Shape.record(
            [
                "redeploy_id": Shape.id, "slug": Shape.slug, "service": Shape.words(of: StackService.self),
                "refresh": Shape.boolean, "rollout_id": Shape.nullable(Shape.id),
                "phase": Shape.words([
                    "sending", "running", "updated", "unchanged", "rolled_back", "failed", "refused",
                ]),
                "target_tag": Shape.nullable(Shape.text()), "previous_digest": Shape.nullable(Shape.text()),
                "digest": Shape.text(), "running_digest": Shape.nullable(Shape.text()),
                "ssm_status": Shape.nullable(Shape.text()), "ssm_exit_code": Shape.nullable(Shape.integer()),
                "healthz_ok": Shape.nullable(Shape.boolean), "error_code": Shape.nullable(Shape.text()),
                "error": Shape.nullable(Shape.text()), "created_at": Shape.nullable(Shape.time),
                "duration_ms": Shape.nullable(Shape.integer()),
            ]),
        "InstanceType": Shape.record(
            [
                "slug": Shape.slug, "instance_type": Shape.text(), "plan": Shape.text(),
                "plan_instance_type": Shape.text(),
            ],
            optional: [
                "begins_at": Shape.time, "would_change": Shape.boolean, "resize": Shape.named("Resize"),
            ]),
        "Resize": Shape.record([
            "id": Shape.id, "cause": Shape.words(of: Resize.Cause.self),
            "from_type": Shape.text(), "to_type": Shape.text(), "any_time": Shape.boolean,
            "not_before": Shape.time, "phase": Shape.words(of: Resize.Phase.self),
            "failures": Shape.integer(), "error_code": Shape.nullable(Shape.text()),
            "error": Shape.nullable(Shape.text()), "created_at": Shape.time,
            "begun_at": Shape.nullable(Shape.time), "finished_at": Shape.nullable(Shape.time),
        ]),
        "RedeployPlan": Shape.record(
            [
                "slug": Shape.slug, "service": Shape.words(of: StackService.self),
                "would_change": Shape.boolean, "dry_run": Shape.boolean,
                "preflight": Shape.record(
                    [
                        "outcome": Shape.words(["ready", "refused", "unreachable", "unknown"]),
                        "message": Shape.text(),
                    ], optional: ["code": Shape.text()]),
            ], optional: ["previous_digest": Shape.text(), "digest": Shape.text()]),
    ]
}
