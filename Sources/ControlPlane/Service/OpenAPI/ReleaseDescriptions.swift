import Digests
import Fleet

/// Channels, and which of them a tenant follows.
extension NounDescription {
    static let releases = NounDescription(
        name: "Releases", meaning: "What tenants are meant to run.",
        schemas: [
            "Channel": Shape.record(
                ["name": Shape.text(), "tenants": Shape.integer(), "updated_at": Shape.time],
                optional: ["digest": Shape.text(), "target_tag": Shape.text()]),
            "Release": Shape.record(
                ["slug": Shape.slug, "channel": Shape.text(), "opted_out": Shape.boolean],
                optional: ["pinned_digest": Shape.text(), "maintenance_until": Shape.time]),
        ],
        routes: [
            RouteDescription(
                "GET /cp/admin/channels", "List the channels",
                .ok("All.", Shape.record(["channels": Shape.list(Shape.named("Channel"))]))),
            RouteDescription(
                "PUT /cp/admin/channels/:name", "Let a channel stand for another image",
                detail:
                    "No tenant is touched: a rollout brings them there. Without tag and digest it is the "
                    + "configured tag.",
                body: Shape.body(
                    [:],
                    optional: [
                        "target_tag": Shape.nullable(Shape.tag), "digest": Shape.nullable(Shape.digest),
                    ]), .ok("It.", Shape.named("Channel")),
                problems: [422: "`image_not_found`", 502: "The registry did not answer."]),
            RouteDescription(
                "GET /cp/admin/tenants/:slug/release", "What a tenant is meant to run",
                .ok("It.", Shape.named("Release"))),
            RouteDescription(
                "PATCH /cp/admin/tenants/:slug/release", "Change what a tenant is meant to run",
                detail: "A member that is not given stays; \"\" and 0 take a pin or a maintenance away.",
                body: Shape.body(
                    [:],
                    optional: [
                        "channel": Shape.nullable(Shape.text(pattern: "^[a-z][a-z0-9-]{0,31}$")),
                        "pinned_digest": Shape.nullable(Shape.text(pattern: "^(sha256:[0-9a-f]{64})?$")),
                        "opted_out": Shape.nullable(Shape.boolean),
                        "maintenance_seconds": Shape.nullable(Shape.integer(ReleaseRoutes.maintenanceLimits)),
                    ]), .ok("It.", Shape.named("Release")),
                problems: [
                    422: "`channel_not_found`, `image_not_found`", 502: "The registry did not answer.",
                ]),
        ])
}
