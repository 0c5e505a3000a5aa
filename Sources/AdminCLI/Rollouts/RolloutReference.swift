import ArgumentParser
import Foundation

/// How a rollout is named on the command line: its id, the beginning of it, or `latest`.
struct RolloutReference: ExpressibleByArgument, Equatable {
    /// The shortest beginning of an id, in characters.
    static let shortest = 8
    /// Among so many of the last rollouts a beginning is looked for; the control plane lists no more.
    static let searched = 200

    var text: String

    init?(argument: String) { text = argument.lowercased() }

    private struct List: Decodable {
        struct Entry: Decodable { var id: String }
        var rollouts: [Entry]
    }

    /// - Returns: the whole id.
    func resolve(_ api: ControlPlaneAPI) async throws -> String {
        if UUID(uuidString: text) != nil { return text }
        let isLatest = text == "latest"
        guard isLatest || text.count >= Self.shortest else {
            throw Failure(
                "\"\(text)\" is too short: give \(Self.shortest) or more characters of the id, or `latest`.")
        }
        let limit = isLatest ? 1 : Self.searched
        let list = try await api.call("GET", "\(Rollout.collection)?limit=\(limit)", as: List.self)
        return try choose(list.rollouts.map(\.id))
    }

    /// - Parameter ids: newest first.
    func choose(_ ids: [String]) throws -> String {
        if text == "latest" {
            guard let id = ids.first else {
                throw Failure("There is no rollout yet. `cpctl rollout start` starts one.")
            }
            return id
        }
        let found = ids.filter { $0.hasPrefix(text) }
        guard let id = found.first else {
            throw Failure(
                "None of the last \(Self.searched) rollouts begins with \(text). `cpctl rollout list` shows "
                    + "them; an older one needs its whole id.")
        }
        guard found.count == 1 else {
            throw Failure(
                "\(text) is ambiguous: \(found.joined(separator: ", ")). Give more characters of the id.")
        }
        return id
    }
}
