/// What simulated tenants do that a rule fits. Several rules may fit at once: each value comes from the first
/// of them that has it, so a tenant can be slow by one rule and broken by another.
///
///     {"rules": [{"image": "v3", "slugs": ["acme"], "fault": "broken"},
///                {"slugs": ["slow"], "redeploy_ms": 8000},
///                {"image": "v3", "after_ms": 500, "restarts": 2,
///                 "since": {"requests": 900, "errors": 90, "p95_ms": 80}}]}
struct SimulationRule: Codable, Sendable, Equatable {
    /// What becomes of an image that is started: at the boot, or by a redeploy.
    enum Fault: String, Codable, Sendable {
        /// It never becomes healthy. A redeploy goes back to the one before.
        case broken
        /// It never becomes healthy, and neither does the one before.
        case failed
        /// It cannot be pulled.
        case missing
        /// It is refused, since it cannot read the tenant's data.
        case schemaMismatch = "schema_mismatch"
        /// A redeploy takes effect and its command succeeds, but prints no report.
        case noReport = "no_report"
    }

    struct Traffic: Codable, Sendable, Equatable {
        var requests: Int
        var errors: Int
        var p95Milliseconds: Int?

        enum CodingKeys: String, CodingKey {
            case requests, errors
            case p95Milliseconds = "p95_ms"
        }
    }

    // MARK: Whom it fits

    /// Images whose reference contains this: the one that is to start, or else the one that runs. nil: all.
    var image: String?
    /// nil: all tenants.
    var slugs: [String]?
    /// It fits once the image has run for so long, and nothing that is only about to start. nil: always.
    var afterMilliseconds: Int?

    // MARK: What they do

    var fault: Fault?
    /// How long a redeploy takes; nil: as long as a stage.
    var redeployMilliseconds: Int?
    /// The image answers `/health` with 503. One that is so from the start never becomes healthy.
    var unhealthy: Bool?
    /// How often the container was started again by itself.
    var restarts: Int?
    /// In the hour before the image took over. nil: none, or nothing known when no other ran before.
    var before: Traffic?
    /// Since it took over; nil: none.
    var since: Traffic?

    enum CodingKeys: String, CodingKey {
        case image, slugs, fault, unhealthy, restarts, before, since
        case afterMilliseconds = "after_ms"
        case redeployMilliseconds = "redeploy_ms"
    }

    /// - Parameter up: how long the image has run; nil when it is about to start.
    func fits(_ image: String, slug: String, up: Duration?) -> Bool {
        guard self.image.map(image.contains) ?? true, slugs?.contains(slug) ?? true else { return false }
        guard let afterMilliseconds else { return true }
        return up.map { $0 >= .milliseconds(afterMilliseconds) } ?? false
    }
}

extension Simulation {
    /// All that holds of an image on a tenant's instance, from the first rules that say it.
    func behaviour(of image: String, slug: String, up: Duration? = nil) -> SimulationRule {
        var result = SimulationRule()
        for rule in rules where rule.fits(image, slug: slug, up: up) {
            result.fault = result.fault ?? rule.fault
            result.redeployMilliseconds = result.redeployMilliseconds ?? rule.redeployMilliseconds
            result.unhealthy = result.unhealthy ?? rule.unhealthy
            result.restarts = result.restarts ?? rule.restarts
            result.before = result.before ?? rule.before
            result.since = result.since ?? rule.since
        }
        if up == nil {
            let isBroken = brokenImages.contains { image.contains($0) } || result.unhealthy == true
            if missingImages.contains(where: { image.contains($0) }) { result.fault = .missing }
            if result.fault == nil, isBroken { result.fault = .broken }
        }
        return result
    }
}
