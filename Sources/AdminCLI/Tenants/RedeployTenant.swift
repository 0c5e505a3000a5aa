import ArgumentParser
import Foundation

struct RedeployTenant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeploy",
        abstract: "Replace a tenant's image; one that fails is rolled back automatically.",
        discussion: """
            Without --tag, --digest and --refresh it is the image that the tenant is meant to run: its \
            channel's, or the one it is pinned to.

            With --follow, exit status 0 means that the tenant runs the image, healthy; with --dry-run, that \
            the instance would accept it.
            """)

    @Argument var slug: String
    @OptionGroup var image: ImageOptions
    @Option(help: "Seconds that the old container gets to finish its connections.")
    var drain: Int?
    @Flag(help: "Only show what would be done, and ask the instance whether it would accept it.")
    var dryRun = false
    @Flag(help: "Wait for the end.")
    var follow = false
    @OptionGroup var server: ServerOptions

    struct Order: Encodable, Equatable {
        var targetTag: String?
        var digest: String?
        var service: String?
        var refresh: Bool?
        var drainSeconds: Int?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey {
            case digest, service, refresh
            case targetTag = "target_tag"
            case drainSeconds = "drain_seconds"
            case dryRun = "dry_run"
        }
    }

    var order: Order {
        Order(
            targetTag: image.tag, digest: image.digest, service: image.service,
            refresh: image.refresh ? true : nil, drainSeconds: drain, dryRun: dryRun ? true : nil)
    }

    func run() async throws {
        let api = try server.connect()
        let data = try await api.call("POST", "/cp/admin/tenants/\(escaped(slug))/redeploy", body: order)
        let begun = try decode(Redeploy.self, from: data)
        if server.json { sayJSON(data) } else { begun.lines(isPlan: dryRun).forEach(say) }
        if dryRun {
            guard begun.preflight?.isReady ?? true else { throw ExitCode.failure }
        } else if follow, let id = begun.id {
            try await RedeployWatch(slug: slug, id: id, printsJSON: server.json)
                .run(api, lastPhase: begun.phase)
        }
    }
}

/// Follows a redeploy to its end.
struct RedeployWatch {
    let slug: String
    let id: String
    let printsJSON: Bool

    /// - Throws: `ExitCode.failure` when it did not succeed
    func run(_ api: ControlPlaneAPI, lastPhase: String?) async throws {
        let started = ContinuousClock.now
        var lastPhase = lastPhase
        while true {
            let data = try await api.ask("/cp/admin/tenants/\(escaped(slug))/redeploys/\(escaped(id))")
            let redeploy = try decode(Redeploy.self, from: data)
            if redeploy.phase != lastPhase || redeploy.isFinal {
                lastPhase = redeploy.phase
                if printsJSON {
                    sayJSON(data)
                } else {
                    say("\(seconds(ContinuousClock.now - started))  \(redeploy.phase ?? "-")")
                }
            }
            if redeploy.isFinal {
                if !printsJSON { redeploy.summary.forEach(say) }
                guard redeploy.isSuccess else { throw ExitCode.failure }
                return
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}
