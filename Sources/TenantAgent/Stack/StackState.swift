import FoundationEssentials

/// `/var/lib/molecule/stack.json`: what a redeploy changed, and what one that was cut off left behind.
struct StackState: Codable, Sendable, Equatable {
    /// By container name.
    var images: [String: Images] = [:]
    /// Written before the first container is touched, cleared when the outcome is certain.
    var replacement: Replacement?

    struct Images: Codable, Sendable, Equatable {
        /// The declaration's when `current` was chosen: another declaration starts over.
        var declared: String
        var current: String
        var previous: String?
    }

    struct Replacement: Codable, Sendable, Equatable {
        var container: String
        var image: String
    }

    static func load(_ path: String) throws -> StackState {
        guard let bytes = try Files.read(path) else { return StackState() }
        return try JSONDecoder().decode(StackState.self, from: Data(bytes))
    }

    func save(_ path: String) throws { try Files.replace(path, with: try encoded(self)) }

    /// The images that run in place of the declared ones.
    func chosen(_ declared: [String: String]) -> [String: String] {
        images.filter { $0.value.declared == declared[$0.key] }.mapValues(\.current)
    }
}
