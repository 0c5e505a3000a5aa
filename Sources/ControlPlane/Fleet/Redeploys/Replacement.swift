import Providers

/// The containers of a tenant's stack that a redeploy can replace; raw values as the agent knows them.
package enum StackService: String, Codable, Sendable, CaseIterable {
    case tenant
    case memoryPlugin = "memory-plugin"
    case redis, postgres, cloudflared

    /// `repository:tag` within the registry, as configured.
    package func image(in images: StackImages) -> String {
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
package struct Replacement: Codable, Sendable, Equatable {
    package var service: StackService
    /// `registry/repository@sha256:...`; nil: the image that it has, with its settings fetched anew.
    package var image: String?
    /// For the new container to become healthy, in seconds.
    package var healthSeconds: Int
    /// For the old container to finish what it has begun, in seconds.
    package var drainSeconds: Int

    package static let drainLimits = 0...300
    package static let defaultDrainSeconds = 30
    /// What an instance gets for the pull and everything else, beside health and drain.
    static let pullSeconds = 630

    package var digest: String? { image.flatMap { ImageReference($0).digest } }

    /// After this long the instance's own script is ended.
    var limitSeconds: Int { healthSeconds * 2 + drainSeconds + Self.pullSeconds }
}
