import Arithmetic
import CurlHTTP
import Glibc
import TenantProtocol

/// What can be known of an image before it is fetched: that there is room for it, that its registry has it,
/// and that it reads the data.
struct Preflight: Sendable {
    let docker: DockerEngine
    let check: ImageCheck
    let access: RegistryAccess

    /// Left free beside an image, in bytes.
    static let minimumFreeBytes = 512 << 20
    /// A layer lies there compressed while it is unpacked, and unpacked takes about three times as much.
    static let unpackingFactor = 4

    /// - Parameter running: reference of the image that runs
    /// - Returns: what the registry says; nil when the image is here, or only the Docker daemon reaches it
    @discardableResult
    func run(_ image: ImageReference, running: String?) async throws -> RemoteImage? {
        if try await docker.image("\(image)") != nil {
            try await checkSpace(for: 0)
            return nil
        }
        let remote = try await describe(image)
        let present = try await running.flatMapAsync { try await docker.image($0)?.rootFS?.layers } ?? []
        try await checkSpace(for: remote?.missingBytes(over: present) ?? 0)
        if let remote {
            _ = try await check.change(
                to: "\(image)", labels: remote.labels, variables: remote.environment, from: running)
        }
        return remote
    }

    /// The registry is asked directly for sizes and labels. Where only the daemon can reach it (a mirror, an
    /// authority of its own) the daemon says at least whether the image is there.
    private func describe(_ image: ImageReference) async throws -> RemoteImage? {
        do {
            let settings = try await docker.settings()
            return try await Registry(
                image: image, credentials: await access.credentials(for: image),
                usesTLS: !settings.isInsecure(image.registry), architecture: settings.imageArchitecture,
                http: HTTPClient()
            ).describe()
        } catch let failure as StageFailure where failure.code == .pullFailed {
            log("\(failure); asking through the Docker daemon")
            guard try await docker.isInRegistry(image, access) else {
                throw StageFailure(.imageNotFound, "\(image): the registry does not have it")
            }
            return nil
        }
    }

    /// - Parameter bytes: compressed, to be fetched
    private func checkSpace(for bytes: Int) async throws {
        var space = statvfs()
        guard statvfs(try await docker.settings().rootFolder, &space) == 0 else { return }
        let free = Int(clamping: space.f_bavail) *| Int(clamping: space.f_frsize)
        let needed = Self.minimumFreeBytes +| bytes *| Self.unpackingFactor
        if free < needed {
            throw StageFailure(.diskFull, "\(free >> 20) MiB are free, \(needed >> 20) MiB are needed")
        }
    }
}

extension DockerEngine.Settings {
    /// As the OCI names it.
    var imageArchitecture: String {
        switch architecture {
        case "x86_64": "amd64"
        case "aarch64": "arm64"
        default: architecture
        }
    }

    func isInsecure(_ registry: String) -> Bool {
        if let known = registries?.byHost?[registry] { return !known.isSecure }
        let host = String(registry.prefix { $0 != ":" })
        guard let address = IPv4(host) else { return host == "localhost" }
        return (registries?.insecureNetworks ?? []).contains { address.isIn($0) }
    }
}

/// An address in dotted notation.
struct IPv4: Equatable, Sendable {
    let value: UInt32

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, !parts.contains(nil) else { return nil }
        value = parts.reduce(0) { $0 << 8 | UInt32($1 ?? 0) }
    }

    /// - Parameter network: `10.0.0.0/8`; one that is none, or of IPv6, holds nothing
    func isIn(_ network: String) -> Bool {
        let parts = network.split(separator: "/")
        guard parts.count == 2, let base = IPv4(parts[0]), let bits = Int(parts[1]), (0...32).contains(bits)
        else { return false }
        let mask: UInt32 = bits == 0 ? 0 : ~0 << (32 - UInt32(bits))
        return value & mask == base.value & mask
    }
}

extension Optional {
    fileprivate func flatMapAsync<Value>(_ body: (Wrapped) async throws -> Value?) async rethrows -> Value? {
        guard let self else { return nil }
        return try await body(self)
    }
}
