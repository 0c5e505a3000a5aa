import ArgumentParser
import Foundation

struct WatchRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Show a rollout until its end: a table on a terminal, else a line for each event.",
        discussion: """
            In the bars █ is updated, ▒ in progress, ✗ failed or unhealthy, < rolled back, · waiting.

            Exit status: 0 succeeded; 1 failed, aborted or rolled back; 2 incomplete, or paused for an \
            operator to decide. Ending the command does nothing to the rollout.
            """)

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let api = try server.connect()
        try await RolloutWatch(api: api, id: try await id.resolve(api), isJSON: server.json).run(goal: .image)
    }
}

/// Follows a rollout until it has ended, or needs a person.
struct RolloutWatch: Sendable {
    let api: ControlPlaneAPI
    let id: String
    let isJSON: Bool
    private let screen: RolloutScreen

    /// How often a terminal's table is asked for anew.
    static let interval: Duration = .seconds(1)

    init(api: ControlPlaneAPI, id: String, isJSON: Bool) {
        (self.api, self.id, self.isJSON) = (api, id, isJSON)
        screen = RolloutScreen(isTerminal: Terminal.isInteractive, isQuiet: isJSON)
    }

    private var path: String { "\(Rollout.collection)/\(escaped(id))" }

    /// - Throws: `ExitCode` for an end that is not the goal.
    func run(goal: RolloutGoal) async throws {
        await screen.begin(try await decode(Rollout.self, from: api.call("GET", path)))
        let drawing = Task { await screen.tick() }
        let looking = Task { if Terminal.isInteractive, !isJSON { await look() } }
        let end = try await follow()
        for task in [drawing, looking] {
            task.cancel()
            await task.value
        }
        await screen.show(end)
        if !isJSON { await RolloutEnd(rollout: end).print(api) }
        let status = end.exitStatus(goal)
        guard status == 0 else { throw ExitCode(status) }
    }

    /// Counts and pace, which no event carries.
    private func look() async {
        while (try? await Task.sleep(for: Self.interval)) != nil {
            guard let data = try? await api.call("GET", path), !Task.isCancelled,
                let rollout = try? decode(Rollout.self, from: data)
            else { continue }
            await screen.show(rollout)
        }
    }

    private func follow() async throws -> Rollout {
        for try await news in EventFollower(api, path + "/events").news() {
            switch news {
            case .broken(let why): await screen.connection(brokenBecause: why)
            case .mended: await screen.connection(brokenBecause: nil)
            case .event(let event): if let end = try await take(event) { return end }
            }
        }
        throw Failure("The rollout's events ended. `cpctl rollout show \(id)` shows where it stands.")
    }

    /// - Returns: the rollout, when there is nothing more to wait for.
    private func take(_ event: EventParser.Event) async throws -> Rollout? {
        let data = Data(event.data.utf8)
        if isJSON { sayJSON(data) }
        guard event.name != "end" else { return try decode(Rollout.self, from: data) }
        await screen.tell(try decode(RolloutEvent.self, from: data))
        // Old news, perhaps: what it says of now is asked.
        guard event.name == "paused" else { return nil }
        let now = try await api.ask(path)
        let rollout = try decode(Rollout.self, from: now)
        guard rollout.needsPerson else { return nil }
        if isJSON { sayJSON(now) }
        return rollout
    }
}
