import CurlHTTP

/// What a reference stands for. Source: OCI distribution specification, "Pulling manifests".
extension RegistryClient {
    /// HEAD answers it without a body, at registries that answer HEAD and name the digest there. Neither is a
    /// must: where the answer says nothing, the manifest itself is fetched and its digest computed.
    /// - Parameter reference: a tag or a digest.
    /// - Returns: the digest, or nil when the registry has no such image.
    /// - Throws: `registry_unavailable` or `registry_unauthorized` (502).
    func digest(repository: String, reference: String) async throws -> String? {
        let request = manifestRequest("HEAD", repository, reference)
        let response = try await followed(try await send(request), of: request)
        switch response.status {
        case 200:
            if let digest = response.header("Docker-Content-Digest"), ImageReference.isDigest(digest) {
                return digest
            }
        case 404: return nil
        case 429, 500, 502, 503, 504:
            throw Self.unavailable("The image registry answered \(response.status).")
        default: break
        }
        return try await computedDigest(repository: repository, reference: reference)
    }

    /// Of the manifest's bytes as they are sent: another spelling of the same JSON has another digest.
    private func computedDigest(repository: String, reference: String) async throws -> String? {
        let request = manifestRequest("GET", repository, reference)
        let response = try await followed(try await send(request), of: request)
        switch response.status {
        case 200: break
        case 404: return nil
        default: throw Self.unavailable("The image registry answered \(response.status).")
        }
        // A manifest of the first version holds signatures, which its digest leaves out.
        let type = response.header("Content-Type") ?? ""
        guard !type.contains("manifest.v1+"), !response.body.isEmpty else {
            throw Self.unavailable("The image registry sent no manifest of a type that it was asked for.")
        }
        let digest = Self.digest(of: response.body)
        let named = [response.header("Docker-Content-Digest"), reference].compactMap(\.self)
        guard named.filter(ImageReference.isDigest).allSatisfy({ $0 == digest }) else {
            throw Self.unavailable("The image registry sent something else than the digest says.")
        }
        return digest
    }

    private func manifestRequest(_ method: String, _ repository: String, _ reference: String) -> HTTPRequest {
        var request = HTTPRequest(method, "\(url)/v2/\(repository)/manifests/\(reference)")
        request.headers = Self.manifestTypes.map { HTTPField("Accept", $0) }
        request.timeout = Self.timeout
        request.maximumResponseBytes = Self.maximumManifestBytes
        return request
    }
}
