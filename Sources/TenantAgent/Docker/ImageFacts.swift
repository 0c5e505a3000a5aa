import FoundationEssentials

/// What `GET /images/{name}/json` says of an image that is here.
struct ImageFacts: Decodable, Sendable {
    /// `repository@sha256:...`, for each repository that it was fetched from.
    var digests: [String]?
    var config: Config?
    var rootFS: RootFS?

    struct Config: Decodable, Sendable {
        var labels: [String: String]?
        /// `NAME=value`
        var environment: [String]?

        enum CodingKeys: String, CodingKey {
            case labels = "Labels"
            case environment = "Env"
        }
    }

    struct RootFS: Decodable, Sendable {
        /// Digests of the unpacked layers, the lowest first.
        var layers: [String]?

        enum CodingKeys: String, CodingKey { case layers = "Layers" }
    }

    enum CodingKeys: String, CodingKey {
        case digests = "RepoDigests"
        case config = "Config"
        case rootFS = "RootFS"
    }

    var labels: [String: String] { config?.labels ?? [:] }
    var readsFiles: Bool { labels[ImageLabel.secrets] == ImageLabel.secretsValue }

    func variable(_ name: String) -> String? {
        config?.environment?.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

/// Labels by which an image says what it can do.
enum ImageLabel {
    /// `WORKSPACE_LISTEN`: it listens where that variable says, so that two can run side by side.
    static let listen = "molecule.listen"
    static let listenValue = "WORKSPACE_LISTEN"
    /// The major version of PostgreSQL in it.
    static let postgresMajor = "molecule.postgres.major"
    /// `files`: it reads a secret from the file that `NAME_FILE` names.
    static let secrets = "molecule.secrets"
    static let secretsValue = "files"
}

extension DockerEngine {
    /// nil when the image is not here.
    func image(_ reference: String) async throws -> ImageFacts? {
        let response = try await send("GET", "/images/\(reference)/json")
        if response.status == 404 { return nil }
        return try decoded(ImageFacts.self, try checked(response, "inspect \(reference)"))
    }

    /// The digest under which an image that is named by its tag was fetched; nil for one that never was.
    func repositoryDigest(_ reference: String) async throws -> String? {
        let facts = try? await image(reference)
        return facts?.digests?.first.flatMap { ImageReference($0)?.digest }
    }

    /// Removes the repository's images that are not among `kept`; one that is in use stays.
    func prune(_ repository: String, keeping kept: [String]) async {
        guard let response = try? await send("GET", "/images/json"), response.isSuccess,
            let images = try? decoded([ImageFacts].self, response)
        else { return }
        for reference in images.flatMap({ $0.digests ?? [] })
        where reference.hasPrefix("\(repository)@") && !kept.contains(reference) {
            _ = try? await send("DELETE", "/images/\(reference)")
        }
    }

    struct Settings: Decodable, Sendable {
        var rootFolder: String
        var architecture: String
        var registries: Registries?

        struct Registries: Decodable, Sendable {
            /// By host: those that the daemon speaks to without TLS are not secure.
            var byHost: [String: Host]?
            /// Networks in CIDR notation whose registries need no TLS.
            var insecureNetworks: [String]?

            struct Host: Decodable, Sendable {
                var isSecure: Bool

                enum CodingKeys: String, CodingKey { case isSecure = "Secure" }
            }

            enum CodingKeys: String, CodingKey {
                case byHost = "IndexConfigs"
                case insecureNetworks = "InsecureRegistryCIDRs"
            }
        }

        enum CodingKeys: String, CodingKey {
            case rootFolder = "DockerRootDir"
            case architecture = "Architecture"
            case registries = "RegistryConfig"
        }
    }

    func settings() async throws -> Settings {
        try decoded(Settings.self, try checked(try await send("GET", "/info"), "info"))
    }
}
