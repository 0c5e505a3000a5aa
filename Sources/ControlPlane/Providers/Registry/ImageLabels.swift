import AdminProtocol
import CurlHTTP
import Digests
import FoundationEssentials

/// What an image says about itself. Sources: OCI image specification; OCI distribution specification.
extension RegistryClient {
    /// Largest manifest and configuration that are read, in bytes.
    static let maximumManifestBytes = 4 << 20
    static let maximumConfigurationBytes = 1 << 20
    static let maximumRedirects = 5

    private struct Manifest: Decodable {
        struct Descriptor: Decodable {
            struct Platform: Decodable {
                var os: String
                var architecture: String
            }
            var digest: String
            var platform: Platform?
        }
        /// Of an image.
        var config: Descriptor?
        /// Of an index.
        var manifests: [Descriptor]?
    }

    private struct ImageConfiguration: Decodable {
        struct Content: Decodable {
            var labels: [String: String]?

            enum CodingKeys: String, CodingKey {
                case labels = "Labels"
            }
        }
        var config: Content?
    }

    /// - Parameter image: `repository@sha256:...`, with or without this registry before it. Of an image for
    ///   several platforms it is that for linux/amd64.
    /// - Throws: `image_not_found` or `image_unusable` (422), `registry_unavailable` or
    ///   `registry_unauthorized` (502).
    package func labels(of image: String) async throws -> [String: String] {
        let reference = ImageReference(image)
        guard let digest = reference.digest, ImageReference.isDigest(digest),
            reference.registry == nil || reference.registry == host
        else { throw Self.unusable(reference, "it is not named by a digest in this registry") }
        var manifest = try await manifest(reference, digest)
        if let list = manifest.manifests {
            let fitting = list.first { $0.platform?.os == "linux" && $0.platform?.architecture == "amd64" }
            guard let fitting else { throw Self.unusable(reference, "it is not for linux/amd64") }
            manifest = try await self.manifest(reference, fitting.digest)
        }
        guard let config = manifest.config else { throw Self.unusable(reference, "it is no image") }
        let bytes = try await content(
            reference, "blobs/\(config.digest)", config.digest, limit: Self.maximumConfigurationBytes)
        guard let parsed = try? JSONDecoder().decode(ImageConfiguration.self, from: Data(bytes)) else {
            throw Self.unusable(reference, "its configuration cannot be read")
        }
        return parsed.config?.labels ?? [:]
    }

    private func manifest(_ reference: ImageReference, _ digest: String) async throws -> Manifest {
        let bytes = try await content(
            reference, "manifests/\(digest)", digest, limit: Self.maximumManifestBytes)
        guard let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(bytes)) else {
            throw Self.unusable(reference, "its manifest cannot be read")
        }
        return manifest
    }

    /// Bytes whose digest is the one that was asked for.
    private func content(
        _ reference: ImageReference, _ path: String, _ digest: String, limit: Int
    ) async throws -> [UInt8] {
        guard ImageReference.isDigest(digest) else {
            throw Self.unusable(reference, "it names something by another digest than SHA-256")
        }
        var request = HTTPRequest("GET", "\(url)/v2/\(reference.repository)/\(path)")
        if path.hasPrefix("manifests/") {
            request.headers = Self.manifestTypes.map { HTTPField("Accept", $0) }
        }
        request.timeout = Self.timeout
        request.maximumResponseBytes = limit
        let response = try await followed(try await send(request), limit: limit)
        switch response.status {
        case 200: break
        case 404:
            throw AppError(
                .unprocessable, "image_not_found",
                "The registry has no image \(reference.repository)@\(reference.digest ?? "").")
        default: throw Self.unavailable("The image registry answered \(response.status).")
        }
        guard Self.digest(of: response.body) == digest else {
            throw Self.unavailable("The image registry sent something else than the digest says.")
        }
        return response.body
    }

    /// Registries keep blobs elsewhere, at addresses that are signed by themselves: no credentials go there.
    private func followed(_ response: HTTPResponse, limit: Int) async throws -> HTTPResponse {
        var response = response
        for _ in 0..<Self.maximumRedirects {
            guard [301, 302, 303, 307, 308].contains(response.status) else { return response }
            guard let location = response.header("Location"), let target = redirectTarget(location) else {
                throw Self.unavailable("The image registry redirects to where it may not.")
            }
            var request = HTTPRequest("GET", target)
            request.timeout = Self.timeout
            request.maximumResponseBytes = limit
            response = try await exchange(request)
        }
        throw Self.unavailable("The image registry redirects without an end.")
    }

    /// https anywhere, or the registry's own host.
    private func redirectTarget(_ location: String) -> String? {
        if location.hasPrefix("/"), !location.hasPrefix("//") { return url + location }
        guard let target = URLComponents(string: location), let own = URLComponents(string: url) else {
            return nil
        }
        let isOwnHost = target.scheme == own.scheme && target.host == own.host
        return target.scheme == "https" || isOwnHost ? location : nil
    }

    /// `sha256:` and the hexadecimal digits.
    package static func digest(of bytes: [UInt8]) -> String { "sha256:" + SHA256Digest(of: bytes).hex }

    private static func unusable(_ reference: ImageReference, _ why: String) -> AppError {
        AppError(
            .unprocessable, "image_unusable", "The image \(reference.repository) cannot be used: \(why).")
    }
}
