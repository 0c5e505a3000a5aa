/// The containers of a tenant's stack that a redeploy can replace; raw values as the agent knows them.
enum StackService: String, Codable, Sendable, CaseIterable {
    case tenant
    case memoryPlugin = "memory-plugin"
    case redis, postgres, cloudflared

    /// `repository:tag` within the registry, as configured.
    func image(in images: Configuration.StackImages) -> String {
        switch self {
        case .tenant: images.tenant
        case .memoryPlugin: images.memoryPlugin
        case .redis: images.redis
        case .postgres: images.postgres
        case .cloudflared: images.cloudflared
        }
    }
}

/// What takes a container's place on an instance.
struct Replacement: Codable, Sendable, Equatable {
    var service: StackService
    /// `registry/repository@sha256:...`; nil: the image that it has, with its configuration fetched anew.
    var image: String?
    /// For the new container to become healthy, in seconds.
    var healthSeconds: Int
    /// For the old container to finish what it has begun, in seconds.
    var drainSeconds: Int

    static let drainLimits = 0...300
    static let defaultDrainSeconds = 30
    /// What an instance gets for the pull and everything else, beside health and drain.
    static let pullSeconds = 630

    var digest: String? { image.flatMap { ImageReference($0).digest } }

    /// After this long the instance's own script is ended.
    var limitSeconds: Int { healthSeconds * 2 + drainSeconds + Self.pullSeconds }
}
