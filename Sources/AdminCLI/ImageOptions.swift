import ArgumentParser

/// Which image an order asks for; without any of them it is the channel's.
struct ImageOptions: ParsableArguments {
    @Option(help: "The image's tag.")
    var tag: String?
    @Option(help: "The image's digest, sha256:...")
    var digest: String?
    @Flag(help: "Keep the image, and fetch the tenant's settings again.")
    var refresh = false
    @Option(
        help: "Whose image: tenant (the default), memory-plugin, redis, postgres or cloudflared.",
        completion: .list(["tenant", "memory-plugin", "redis", "postgres", "cloudflared"]))
    var service: String?

    func validate() throws {
        guard [tag != nil, digest != nil, refresh].filter({ $0 }).count <= 1 else {
            throw ValidationError(
                "Give at most one of --tag, --digest and --refresh; without any it is the channel's image.")
        }
    }
}
