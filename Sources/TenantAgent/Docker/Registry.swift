import Arithmetic
import CurlHTTP
import FoundationEssentials
import TenantProtocol

/// An image as its registry describes it, before it is fetched.
struct RemoteImage: Sendable {
    var labels: [String: String]
    /// `NAME=value`
    var environment: [String]
    var layers: [Layer]

    struct Layer: Sendable, Equatable {
        /// Compressed, in bytes.
        var size: Int
        /// Digest of the unpacked layer.
        var digest: String
    }

    /// Compressed bytes of what has to be fetched where `present` is here: layers are shared from the lowest
    /// up.
    func missingBytes(over present: [String]) -> Int {
        let shared = zip(layers.map(\.digest), present).prefix { $0 == $1 }.count
        return layers.dropFirst(shared).map { max(0, $0.size) }.saturatedSum
    }
}

/// The registry's own API, asked for what the Docker Engine does not pass on: sizes and labels.
/// Sources: OCI distribution specification 1.1, OCI image specification 1.1, Docker's token authentication.
struct Registry: Sendable {
    let image: ImageReference
    let credentials: RegistryCredentials?
    /// As the Docker daemon is told to speak to it.
    let usesTLS: Bool
    /// As Go and the OCI name it: `amd64`, `arm64`.
    let architecture: String
    let http: HTTPClient

    private static let indexTypes = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
    private static let manifestTypes = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ]

    private struct Manifest: Decodable {
        var manifests: [Platformed]?
        var config: Descriptor?
        var layers: [Descriptor]?

        struct Descriptor: Decodable {
            var digest: String
            var size: Int
        }

        struct Platformed: Decodable {
            var digest: String
            var platform: Platform?
        }

        struct Platform: Decodable {
            var architecture: String
            var os: String
        }
    }

    private struct Configuration: Decodable {
        var config: Config?
        var rootfs: RootFS?

        struct Config: Decodable {
            var labels: [String: String]?
            var environment: [String]?

            enum CodingKeys: String, CodingKey {
                case labels = "Labels"
                case environment = "Env"
            }
        }

        struct RootFS: Decodable {
            var digests: [String]?

            enum CodingKeys: String, CodingKey { case digests = "diff_ids" }
        }
    }

    /// - Throws: `imageNotFound`, or `pullFailed` when the registry cannot be asked
    func describe() async throws -> RemoteImage {
        var manifest = try await get(
            Manifest.self, "manifests/\(image.pullTag)", Self.indexTypes + Self.manifestTypes)
        if let choices = manifest.manifests {
            guard
                let mine = choices.first(where: {
                    $0.platform?.os == "linux" && $0.platform?.architecture == architecture
                })
            else { throw StageFailure(.imageNotFound, "\(image): not for linux/\(architecture)") }
            manifest = try await get(Manifest.self, "manifests/\(mine.digest)", Self.manifestTypes)
        }
        guard let config = manifest.config, let layers = manifest.layers else {
            throw StageFailure(.pullFailed, "\(image): the registry's manifest cannot be read")
        }
        let configuration = try await get(Configuration.self, "blobs/\(config.digest)", [])
        let digests = configuration.rootfs?.digests ?? []
        return RemoteImage(
            labels: configuration.config?.labels ?? [:],
            environment: configuration.config?.environment ?? [],
            layers: layers.enumerated().map { index, layer in
                .init(size: layer.size, digest: index < digests.count ? digests[index] : "")
            })
    }

    private func get<Value: Decodable>(
        _ type: Value.Type, _ what: String, _ accepted: [String]
    ) async throws -> Value {
        let scheme = usesTLS ? "https" : "http"
        let url = "\(scheme)://\(image.registryAddress)/v2/\(image.path)/\(what)"
        var request = HTTPRequest("GET", url, headers: accepted.map { HTTPField("Accept", $0) })
        request.timeout = .seconds(15)
        request.maximumResponseBytes = 4 << 20
        request.followsRedirects = true
        do {
            var response = try await http.send(request)
            if response.status == 401, let field = try await authorization(response) {
                request.headers.append(field)
                response = try await http.send(request)
            }
            if response.status == 404 {
                throw StageFailure(.imageNotFound, "\(image): the registry does not have it")
            }
            guard response.isSuccess else {
                throw StageFailure(.pullFailed, "\(image): the registry answers \(response.status)")
            }
            return try JSONDecoder().decode(type, from: Data(response.body))
        } catch let failure as StageFailure {
            throw failure
        } catch {
            throw StageFailure(.pullFailed, "\(image): the registry cannot be asked: \(error)")
        }
    }

    /// What the registry's challenge asks for; nil when there is nothing to answer it with.
    private func authorization(_ refusal: HTTPResponse) async throws -> HTTPField? {
        let basic = credentials.map {
            "Basic " + Data("\($0.username):\($0.password)".utf8).base64EncodedString()
        }
        guard let challenge = refusal.header("WWW-Authenticate") else { return nil }
        guard challenge.lowercased().hasPrefix("bearer ") else {
            return basic.map { HTTPField("Authorization", $0) }
        }
        let values = Self.parameters(challenge)
        guard let realm = values["realm"], realm.hasPrefix("https://") || !usesTLS else { return nil }
        let query = ["service", "scope"].compactMap { name in
            values[name].map { "\(name)=\(percentEncoded($0))" }
        }.joined(separator: "&")
        var request = HTTPRequest("GET", query.isEmpty ? realm : "\(realm)?\(query)")
        request.timeout = .seconds(15)
        if let basic { request.headers.append(HTTPField("Authorization", basic)) }
        struct Grant: Decodable {
            var token: String?
            var accessToken: String?

            enum CodingKeys: String, CodingKey {
                case token
                case accessToken = "access_token"
            }
        }
        let response = try await http.send(request)
        guard response.isSuccess,
            let grant = try? JSONDecoder().decode(Grant.self, from: Data(response.body)),
            let token = grant.token ?? grant.accessToken
        else { return nil }
        return HTTPField("Authorization", "Bearer \(token)")
    }

    /// `Bearer realm="https://...",service="..."`
    static func parameters(_ challenge: String) -> [String: String] {
        let pieces = challenge.split(separator: "\"", omittingEmptySubsequences: false)
        var values: [String: String] = [:]
        for index in stride(from: 0, to: pieces.count - 1, by: 2) {
            let name = pieces[index].reversed().drop { $0 == "=" || $0 == " " }
                .prefix { $0 != "," && $0 != " " }
            values[String(name.reversed())] = String(pieces[index + 1])
        }
        return values
    }
}
