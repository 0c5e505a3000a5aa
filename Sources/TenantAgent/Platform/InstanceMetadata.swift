import CurlHTTP
import Glibc

/// The instance's metadata service, version 2: a session token first, then the question.
/// Source: EC2 user guide, "Use the Instance Metadata Service".
struct InstanceMetadata: Sendable {
    private let http: HTTPClient
    private let endpoint: String

    /// AWS_EC2_METADATA_SERVICE_ENDPOINT is the variable that Amazon's own SDKs read.
    init(endpoint: String? = nil) {
        var configuration = HTTPClient.Configuration()
        configuration.usesProxyFromEnvironment = false
        http = HTTPClient(configuration: configuration)
        self.endpoint =
            endpoint ?? getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT").map { String(cString: $0) }
            ?? "http://169.254.169.254"
    }

    /// The identity document with its RSA-2048 signature: base64 of a PKCS #7 structure, on one line.
    func signedIdentity() async throws -> String {
        let token = try await answer(
            "PUT", "/latest/api/token", HTTPField("X-aws-ec2-metadata-token-ttl-seconds", "300"))
        let document = try await answer(
            "GET", "/latest/dynamic/instance-identity/rsa2048",
            HTTPField("X-aws-ec2-metadata-token", token))
        return document.filter { !$0.isWhitespace }
    }

    private func answer(_ method: String, _ path: String, _ header: HTTPField) async throws -> String {
        var request = HTTPRequest(method, endpoint + path, headers: [header])
        request.timeout = .seconds(5)
        request.connectTimeout = .seconds(2)
        request.maximumResponseBytes = 64 << 10
        let response = try await http.send(request)
        guard response.status == 200 else {
            throw StageFailure(.internalError, "instance metadata \(path) answers \(response.status)")
        }
        return response.text
    }
}
