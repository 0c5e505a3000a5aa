import CurlHTTP
import TenantProtocol

/// Asks the image registry what a tag stands for. Source: OCI distribution specification.
struct RegistryClient: Sendable {
    /// Base URL, for example `https://registry.example`.
    let url: String
    let http: any HTTPTransport
    let login: RegistryLogin

    /// For each answer.
    static let timeout = Duration.seconds(10)

    static let manifestTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]

    /// `host:port`, as it stands in an image reference.
    var host: String { url.split(separator: "/").last.map(String.init) ?? url }

    /// - Parameter image: `repository:tag` within this registry.
    /// - Throws: `image_not_found` (422), which names the image.
    func resolve(_ image: String) async throws -> String {
        var reference = ImageReference(image)
        let wanted = reference.digest ?? reference.tag ?? "latest"
        guard let digest = try await digest(repository: reference.repository, reference: wanted) else {
            throw AppError(
                .unprocessable, "image_not_found",
                "The registry has no image \(reference.repository):\(wanted). Nothing was changed.")
        }
        reference.registry = host
        reference.digest = digest
        return reference.pinned
    }

    func resolve(_ images: Configuration.StackImages) async throws -> Declaration.Stack {
        Declaration.Stack(
            postgres: try await resolve(images.postgres), redis: try await resolve(images.redis),
            memoryPlugin: try await resolve(images.memoryPlugin), tenant: try await resolve(images.tenant),
            cloudflared: try await resolve(images.cloudflared))
    }
}
