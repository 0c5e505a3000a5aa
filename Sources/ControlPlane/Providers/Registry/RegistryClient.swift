import AdminProtocol
import CurlHTTP
import TenantProtocol

/// Asks the image registry what a tag stands for. Source: OCI distribution specification.
package struct RegistryClient: Sendable {
    /// Base URL, for example `https://registry.example`.
    package let url: String
    package let http: any HTTPTransport
    package let login: RegistryLogin

    package init(url: String, http: any HTTPTransport, login: RegistryLogin) {
        self.url = url
        self.http = http
        self.login = login
    }

    /// For each answer.
    package static let timeout = Duration.seconds(10)

    static let manifestTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]

    /// `host:port`, as it stands in an image reference.
    package var host: String { url.split(separator: "/").last.map(String.init) ?? url }

    /// - Parameter reference: a tag or a digest.
    /// - Returns: the digest, or nil when the registry has no such image.
    /// - Throws: `registry_unavailable` or `registry_unauthorized` (502).
    package func digest(repository: String, reference: String) async throws -> String? {
        var request = HTTPRequest("HEAD", "\(url)/v2/\(repository)/manifests/\(reference)")
        request.headers = Self.manifestTypes.map { HTTPField("Accept", $0) }
        request.timeout = Self.timeout
        let response = try await send(request)
        switch response.status {
        case 200:
            guard let digest = response.header("Docker-Content-Digest"), ImageReference.isDigest(digest)
            else {
                throw Self.unavailable("The image registry sent no digest.")
            }
            return digest
        case 404: return nil
        default:
            throw Self.unavailable("The image registry answered \(response.status).")
        }
    }

    /// - Parameter image: `repository:tag` within this registry.
    /// - Throws: `image_not_found` (422), which names the image.
    package func resolve(_ image: String) async throws -> String {
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

    package func resolve(_ images: StackImages) async throws -> Declaration.Stack {
        Declaration.Stack(
            postgres: try await resolve(images.postgres), redis: try await resolve(images.redis),
            memoryPlugin: try await resolve(images.memoryPlugin), tenant: try await resolve(images.tenant),
            cloudflared: try await resolve(images.cloudflared))
    }
}
