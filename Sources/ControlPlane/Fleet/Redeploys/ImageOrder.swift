import AdminProtocol
import Digests
import FoundationEssentials
import Providers

/// Which image an order asks for: a tag, a digest, the settings anew, or nothing, which is the image
/// that the tenant is meant to run.
package struct ImageOrder: Sendable {
    package var service: StackService = .tenant
    package var targetTag: String?
    package var digest: String?
    var isRefresh = false

    /// - Parameter service: as it came; nil is the tenant's own.
    package init(service: String?, targetTag: String?, digest: String?, refresh: Bool?) throws {
        self.targetTag = targetTag
        self.digest = digest
        isRefresh = refresh ?? false
        if let service {
            guard let known = StackService(rawValue: service) else {
                let names = StackService.allCases.map(\.rawValue).joined(separator: ", ")
                throw AppError.invalidField("service", "The field \"service\" is one of: \(names).")
            }
            self.service = known
        }
        try check()
    }

    private func check() throws {
        if let targetTag, !ImageReference.isTag(targetTag) {
            throw AppError.invalidField("target_tag", "The field \"target_tag\" is not an image tag.")
        }
        if let digest, !ImageReference.isDigest(digest) {
            throw AppError.invalidField("digest", "A digest is \"sha256:\" and 64 hexadecimal digits.")
        }
        let named = [targetTag != nil, digest != nil, isRefresh].filter { $0 }.count
        guard named <= 1 else {
            throw AppError(
                .invalid, "invalid_image",
                "Give at most one of \"target_tag\", \"digest\" and \"refresh\"; without any it is the image "
                    + "of the tenant's channel.")
        }
        guard !isRefresh || service == .tenant else {
            throw AppError.invalidField(
                "refresh", "Only the service \"tenant\" has a settings to fetch.")
        }
    }

    /// The image as the registry has it now, by digest: a tag that moves later changes nothing.
    /// - Parameter meant: a digest of molecule-tenant, for an order that names none; nil: the configured
    ///   tag's.
    /// - Returns: nil for a refresh.
    /// - Throws: `image_not_found` (422), `registry_unavailable` (502).
    package func resolve(_ fleet: FleetContext, meant: String?) async throws -> ImageReference? {
        guard !isRefresh else { return nil }
        var image = ImageReference(service.image(in: fleet.settings.launch.images))
        if let targetTag {
            (image.tag, image.digest) = (targetTag, nil)
        } else if let digest = digest ?? (service == .tenant ? meant : nil) {
            (image.tag, image.digest) = (nil, digest)
        }
        return ImageReference(try await fleet.registry.resolve(image.pinned))
    }
}
