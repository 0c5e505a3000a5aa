import ArgumentParser
import Foundation

struct Tenants: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Work on running tenants.", subcommands: [RedeployTenant.self])
}

struct RedeployTenant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeploy",
        abstract: "Replace a tenant's image; a failing one is rolled back by itself.",
        discussion: "With --follow, exit status 0 means that the tenant runs the image, healthy.")

    @Argument var slug: String
    @Option(help: "The image's tag.")
    var tag: String?
    @Option(help: "The image's digest, sha256:...")
    var digest: String?
    @Flag(help: "Only say what would be done.")
    var dryRun = false
    @Flag(help: "Wait for the end.")
    var follow = false
    @OptionGroup var server: ServerOptions

    private struct Order: Encodable {
        var targetTag: String?
        var digest: String?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey {
            case digest
            case targetTag = "target_tag"
            case dryRun = "dry_run"
        }
    }

    func validate() throws {
        guard (tag == nil) != (digest == nil) else {
            throw ValidationError("Give one of --tag and --digest.")
        }
    }

    func run() async throws {
        let api = try server.connect()
        let order = Order(targetTag: tag, digest: digest, dryRun: dryRun ? true : nil)
        let data = try await api.call("POST", "/cp/admin/tenants/\(escaped(slug))/redeploy", body: order)
        let begun = try decode(Redeploy.self, from: data)
        if server.json { sayJSON(data) } else { begun.lines(isPlan: dryRun).forEach(say) }
        guard follow, !dryRun, let id = begun.id else { return }
        try await watch(api, id, lastPhase: begun.phase)
    }

    private func watch(_ api: ControlPlaneAPI, _ id: String, lastPhase: String?) async throws {
        let started = ContinuousClock.now
        var lastPhase = lastPhase
        while true {
            let data = try await api.call(
                "GET", "/cp/admin/tenants/\(escaped(slug))/redeploys/\(escaped(id))")
            let redeploy = try decode(Redeploy.self, from: data)
            if redeploy.phase != lastPhase || redeploy.isFinal {
                lastPhase = redeploy.phase
                if server.json {
                    sayJSON(data)
                } else {
                    say("\(seconds(ContinuousClock.now - started))  \(redeploy.phase ?? "-")")
                }
            }
            if redeploy.isFinal {
                if !server.json { redeploy.summary.forEach(say) }
                guard redeploy.isSuccess else { throw ExitCode.failure }
                return
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}

private struct Redeploy: Decodable {
    var id: String?
    var slug: String
    var phase: String?
    var previousDigest: String?
    /// Asked for.
    var digest: String?
    /// What runs, once it has ended.
    var runningDigest: String?
    var error: String?
    var ssmStatus: String?
    var isHealthy: Bool?
    var wouldChange: Bool?
    var durationMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
        case slug, phase, digest, error
        case id = "redeploy_id"
        case previousDigest = "previous_digest"
        case runningDigest = "running_digest"
        case ssmStatus = "ssm_status"
        case isHealthy = "healthz_ok"
        case wouldChange = "would_change"
        case durationMilliseconds = "duration_ms"
    }

    var isSuccess: Bool { phase == "updated" || phase == "unchanged" }
    var isFinal: Bool { isSuccess || ["rolled_back", "failed", "refused"].contains(phase) }

    func lines(isPlan: Bool) -> [String] {
        let digests = ["from  \(previousDigest ?? "-")", "to    \(digest ?? "-")"]
        guard isPlan else { return ["Redeploying \(slug) (\(id ?? "-"))"] + digests }
        let isSame = wouldChange == false
        return [isSame ? "\(slug) runs this image already." : "\(slug) would be redeployed."] + digests
    }

    var summary: [String] {
        let time = durationMilliseconds.map { " after \(seconds(.milliseconds($0)))" } ?? ""
        let outcome = "\(slug): \(phase ?? "-")\(time), \(isHealthy == true ? "healthy" : "not healthy")"
        let asked = isSuccess ? [] : ["asked \(digest ?? "-")"]
        let digests = ["was   \(previousDigest ?? "-")"] + asked + ["now   \(runningDigest ?? digest ?? "-")"]
        return [outcome] + digests + (error.map { ["error \($0)"] } ?? [])
    }
}

/// `12.3 s`
func seconds(_ duration: Duration) -> String {
    let (whole, attoseconds) = duration.components
    return "\(whole).\(attoseconds / 100_000_000_000_000_000) s"
}
