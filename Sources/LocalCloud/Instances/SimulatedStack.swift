import TenantProtocol

/// The parts of a simulated stack that a redeploy can replace.
enum SimulatedService: String, Sendable, CaseIterable {
    case tenant, redis, postgres, cloudflared
    case memoryPlugin = "memory-plugin"
}

/// What runs on one simulated instance: an image of each service, and since when the tenant's.
struct SimulatedStack: Sendable {
    private(set) var images: [SimulatedService: String] = [:]
    private var tenantSince = ContinuousClock.now
    /// Whether the tenant's image took over from another one.
    private(set) var tookOver = false
    /// No image of the tenant is healthy any more.
    var isDown = false

    /// - Parameter stack: nil of an instance without a declaration.
    init(_ stack: Declaration.Stack?) {
        guard let stack else { return }
        images = [
            .redis: stack.redis, .postgres: stack.postgres, .memoryPlugin: stack.memoryPlugin,
            .cloudflared: stack.cloudflared,
        ].compactMapValues(\.self)
    }

    /// The tenant's image is missing until its stage of the boot.
    mutating func run(_ image: String, as service: SimulatedService) {
        if service == .tenant {
            tookOver = images[.tenant] != nil
            tenantSince = .now
            isDown = false
        }
        images[service] = image
    }

    var tenantUp: Duration { tenantSince.duration(to: .now) }

    func digest(_ service: SimulatedService) -> String? { images[service].flatMap(Self.digest) }

    /// nil for a reference without one.
    static func digest(_ image: String) -> String? {
        image.firstRange(of: "@").map { String(image[$0.upperBound...]) }
    }
}
