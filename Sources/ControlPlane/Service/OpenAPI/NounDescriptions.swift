/// Every noun of the service, in the order of the document.
let nounDescriptions: [NounDescription] = [
    .liveness, .browser, .customerOrgs, .billing, .members, .credentials, .orgs, .tenants, .releases,
    .rollouts, .account, .audit, .credits,
    .instances, .usage,
]

extension NounDescription {
    static let liveness = NounDescription(
        name: "Service", meaning: "Whether the service lives, and what it offers.",
        routes: [
            RouteDescription(
                "GET /health", "Whether the service lives",
                .ok("It does.", Shape.record(["service": Shape.text(), "status": Shape.words(["ok"])]))),
            RouteDescription(
                "GET /ready", "Whether the service can be sent traffic",
                .ok("The database answers.", Shape.record(["status": Shape.words(["ready"])])),
                problems: [503: "`database_unavailable`"]),
            RouteDescription(
                "GET /cp/openapi.json", "This document",
                .ok("OpenAPI 3.1.", Shape.record(["openapi": Shape.text(), "paths": ["type": "object"]]))),
        ])
}
