import ArgumentParser
import Foundation

struct PauseRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Start nothing more until it is resumed; what has begun continues.")

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @OptionGroup var server: ServerOptions

    func run() async throws { try await steer("pause", id, server) }
}

struct ResumeRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Continue a paused rollout, or judge again what could not be judged."
    )

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @OptionGroup var server: ServerOptions

    func run() async throws { try await steer("resume", id, server) }
}

struct AbortRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "End a rollout where it is; updated tenants keep the image.")

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @OptionGroup var server: ServerOptions

    func run() async throws { try await steer("abort", id, server) }
}

struct PromoteRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Let the present wave pass without the rest of its soak and without a verdict.")

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @OptionGroup var server: ServerOptions

    func run() async throws { try await steer("promote", id, server) }
}

struct RollBackRollout: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Return every tenant that it updated to its previous image, also after its end.",
        discussion: "With --follow, exit status 0 means that all are back, 1 that some are not.")

    @Argument(help: "Its id, the first 8 or more characters of it, or `latest`.")
    var id: RolloutReference
    @Flag(help: "Watch it to its end.")
    var follow = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let whole = try await steer("rollback", id, server, isFollowed: follow)
        guard follow else { return }
        try await RolloutWatch(api: server.connect(), id: whole, isJSON: server.json).run(goal: .rollback)
    }
}

/// - Returns: the rollout's whole id.
@discardableResult
private func steer(
    _ action: String, _ reference: RolloutReference, _ server: ServerOptions, isFollowed: Bool = false
) async throws -> String {
    let api = try server.connect()
    let id = try await reference.resolve(api)
    let data = try await api.call("POST", "\(Rollout.collection)/\(escaped(id))/\(action)")
    if server.json {
        sayJSON(data)
    } else {
        try decode(Rollout.self, from: data).deed(action, isFollowed: isFollowed).forEach(say)
    }
    return id
}

extension Rollout {
    /// What an action did.
    func deed(_ action: String, isFollowed: Bool = false) -> [String] {
        let wave = waveName(wave)
        let (live, left, done) = (count([.updating]), count([.pending]), count([.updated]))
        let watch = isFollowed ? [] : ["Watch it: cpctl rollout watch \(shortID)"]
        return switch action {
        case "pause":
            [
                "Rollout \(shortID) is paused in \(wave): nothing more starts.",
                "In progress: \(counted(live, "tenant")). Waiting: \(left).",
                "To continue: cpctl rollout resume \(shortID)",
            ]
        case "resume":
            ["Rollout \(shortID) continues in \(wave). Waiting: \(counted(left, "tenant"))."] + watch
        case "abort":
            [
                "Rollout \(shortID) ends where it is, in \(wave): nothing more starts.",
                "In progress: \(counted(live, "tenant")). Not started: \(left). "
                    + "Updated, and keeping the image: \(done).",
            ] + (isRefresh ? [] : ["To undo it: cpctl rollout rollback \(shortID)"])
        case "promote":
            ["Rollout \(shortID) lets \(wave) pass without the rest of its soak and without a verdict."]
                + watch
        default:
            [
                "Rollout \(shortID) is being rolled back. Returning to their previous image: "
                    + "\(counted(done + live, "tenant"))."
            ] + watch
        }
    }
}
