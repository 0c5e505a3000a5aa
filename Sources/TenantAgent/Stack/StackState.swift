import DurableFiles
import FoundationEssentials

/// `/var/lib/molecule/stack.json`: what a redeploy changed, and what one that was cut off left behind.
struct StackState: Codable, Sendable, Equatable {
    /// By container name.
    var images: [String: Images] = [:]
    /// By container name: where the container that serves listens. Absent: at its first slot.
    var live: [String: Live]?
    /// By container name: the schema version that its data has, from the labels of the images that started.
    var schemas: [String: Int]?
    /// Written before the first container is touched, cleared when the outcome is certain.
    var replacement: Replacement?

    struct Images: Codable, Sendable, Equatable {
        /// The declaration's when `current` was chosen: another declaration starts over.
        var declared: String
        var current: String
        var previous: String?
    }

    struct Live: Codable, Sendable, Equatable {
        /// That listens there: any other starts over at the first slot.
        var image: String
        var port: UInt16
    }

    struct Replacement: Codable, Sendable, Equatable {
        var container: String
        var image: String
        /// Where the new container listens; nil for a service without slots.
        var port: UInt16?
        /// The new image has started, and the old one cannot read what it may have made of the data.
        var isIrreversible: Bool?
        /// Set when old and new run side by side.
        var takeover: Takeover?
    }

    struct Takeover: Codable, Sendable, Equatable {
        enum Phase: String, Codable, Sendable {
            /// The old one serves.
            case starting
            /// The new one serves, and is watched.
            case switched
            /// The new one stays.
            case draining
        }

        var phase = Phase.starting
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

    /// By container name, for those that do not listen at their first slot or were told where to.
    /// - Parameter images: by container name: those in force
    func livePorts(_ images: [String: String]) -> [String: UInt16] {
        (live ?? [:]).filter { $0.value.image == images[$0.key] }.mapValues(\.port)
    }

    /// `image` serves from now on.
    /// - Parameters:
    ///   - declared: the declaration's
    ///   - port: nil for a service without slots
    mutating func record(_ container: String, image: String, declared: String, port: UInt16?) {
        let before = images[container]
        let ran = before?.declared == declared ? before?.current : declared
        images[container] = .init(
            declared: declared, current: image, previous: ran == image ? before?.previous : ran)
        if let port { live = (live ?? [:]).merging([container: .init(image: image, port: port)]) { $1 } }
    }

    /// `image` is about to start, and brings the data to `version`.
    mutating func recordSchema(_ container: String, _ version: Int) {
        let known = schemas?[container] ?? version
        schemas = (schemas ?? [:]).merging([container: max(known, version)]) { $1 }
    }
}
