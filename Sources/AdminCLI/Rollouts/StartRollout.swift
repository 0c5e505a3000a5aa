import ArgumentParser
import Foundation

struct StartRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start a rollout, or with --dry-run show what it would do.",
        discussion: """
            The canaries come first, then the waves. After each wave its tenants soak and are judged by \
            health, restarts, errors and latency. With --follow the exit status is that of `rollout watch`.
            """)

    enum Rollback: String, CaseIterable, ExpressibleByArgument { case none, wave, all }

    @OptionGroup var image: ImageOptions
    @Option(help: "Only the channel's tenants; the channel gets the image once all of them run it.")
    var channel: String?
    @Option(name: .customLong("slug"), parsing: .upToNextOption, help: "Only these tenants.")
    var slugs: [String] = []
    @Option(
        name: .customLong("canary"), parsing: .upToNextOption,
        help: "The tenants of the first wave, instead of those that are marked as canaries.")
    var canaries: [String] = []
    @Option(help: "Seconds that the canaries soak; 60 by default.")
    var soak: Int?
    @Option(help: "Seconds that each other wave soaks; 0 by default.")
    var waveSoak: Int?
    @Option(help: "Where each wave after the canaries ends, in percent; 10,50,100 by default.")
    var waves: Percentages?
    @Option(help: "Tenants that share a command, at most 50; 10 by default.")
    var batch: Int?
    @Option(help: "Batches at the same time; 2 by default.")
    var concurrency: Int?
    @Option(help: "Seconds in which a new container must become healthy.")
    var health: Int?
    @Option(help: "Seconds that the old container gets to finish its connections.")
    var drain: Int?
    @Option(help: "Failures that are tolerated after the canaries; 0 by default.")
    var maxFailures: Int?
    @Option(help: "Share of tolerated failures, in percent of the attempted tenants; 0 by default.")
    var maxFailurePercent: Int?
    @Option(help: "Seconds for which an instance that is away is tried again; 600 by default.")
    var offline: Int?
    @Option(help: "What is rolled back after too many failures: none, wave (the default) or all.")
    var rollback: Rollback?
    @Flag(help: "Even if the image was rolled back within the last day.")
    var force = false
    @Flag(help: "Only show the plan.")
    var dryRun = false
    @Flag(help: "Watch it to its end.")
    var follow = false
    @OptionGroup var server: ServerOptions

    var order: RolloutOrder {
        RolloutOrder(
            targetTag: image.tag, digest: image.digest, service: image.service,
            refresh: image.refresh ? true : nil, channel: channel, slugs: slugs.isEmpty ? nil : slugs,
            canarySlugs: canaries.isEmpty ? nil : canaries, soakSeconds: soak, waveSoakSeconds: waveSoak,
            waves: waves?.numbers, batchSize: batch, concurrency: concurrency, healthSeconds: health,
            drainSeconds: drain, maximumFailures: maxFailures, maximumFailurePercent: maxFailurePercent,
            offlineSeconds: offline, rollback: rollback?.rawValue, force: force ? true : nil,
            dryRun: dryRun ? true : nil)
    }

    func run() async throws {
        let api = try server.connect()
        let data = try await api.call("POST", Rollout.collection, body: order)
        if server.json { sayJSON(data) }
        if dryRun {
            if !server.json { try decode(RolloutPlan.self, from: data).lines.forEach(say) }
            return
        }
        let rollout = try decode(Rollout.self, from: data)
        if !server.json { say(rollout.announcement) }
        guard follow else {
            if !server.json { say("Watch it: cpctl rollout watch \(rollout.shortID)") }
            return
        }
        try await RolloutWatch(api: api, id: rollout.id, isJSON: server.json).run(goal: .image)
    }
}

/// `10,50,100`
struct Percentages: ExpressibleByArgument, Equatable {
    var numbers: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count else { return nil }
    }

    static var defaultValueDescription: String { "10,50,100" }
}

extension Rollout {
    fileprivate var announcement: String {
        let skipped = count([.skipped])
        let others = skipped == 0 ? "" : ", skipping \(skipped)"
        let time = estimatedSeconds.map { "; about \(span($0))" } ?? ""
        return "Rollout \(id) has begun: \(imageName) to \(counted(tenantCount, "tenant")) in "
            + "\(counted(waves.count, "wave"))\(others)\(time)."
    }
}
