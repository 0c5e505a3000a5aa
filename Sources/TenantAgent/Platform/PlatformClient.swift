import CurlHTTP
import FoundationEssentials
import TenantProtocol

/// The control plane's tenant routes. Stateless: the caller says with which token.
struct PlatformClient: Sendable {
    private let http: HTTPClient
    private let baseURL: String
    private let orgID: String

    /// nil on a self-hosted tenant.
    init?(_ declaration: Declaration) {
        guard let platform = declaration.platform else { return nil }
        var configuration = HTTPClient.Configuration.environment
        configuration.extraCA = platform.certificateAuthority
        configuration.userAgent = "tenant-agent/\(agentVersion)"
        http = HTTPClient(configuration: configuration)
        baseURL = platform.controlPlaneURL
        orgID = declaration.orgID
    }

    func report(_ events: [BootEvent], token: String) async throws -> HTTPResponse {
        try await post("/cp/tenants/boot-event", try encoded(BootEventBatch(events: events)), token)
    }

    func enrol(_ request: EnrolmentRequest, bootToken: String) async throws -> HTTPResponse {
        try await post("/cp/tenants/enroll", try encoded(request), bootToken)
    }

    func confirmEnrolment(adminToken: String) async throws -> HTTPResponse {
        try await post("/cp/tenants/enroll/confirm", [], adminToken)
    }

    /// For a platform that has lost what it knew of this tenant.
    func reEnrol(_ request: ReEnrolmentRequest, adminToken: String) async throws -> HTTPResponse {
        try await post("/cp/tenants/re-enroll", try encoded(request), adminToken)
    }

    func configuration(adminToken: String) async throws -> HTTPResponse {
        try await send("GET", "/cp/tenants/config", [], adminToken)
    }

    /// Answers as `NextCredentials` says; a platform from before there was rotation answers 404.
    func nextCredentials(adminToken: String) async throws -> HTTPResponse {
        try await send("GET", "/cp/tenants/credentials", [], adminToken)
    }

    func confirmCredentials(adminToken: String) async throws -> HTTPResponse {
        try await post("/cp/tenants/credentials/confirm", [], adminToken)
    }

    func registryCredentials(adminToken: String) async throws -> HTTPResponse {
        try await send("GET", "/cp/tenants/registry-credentials", [], adminToken)
    }

    /// Of what molecule-tenant tells of itself.
    func deliver(
        _ path: String, _ headers: [HTTPField], _ body: [UInt8], token: String
    ) async throws -> HTTPResponse {
        var request = request("POST", path, body, token)
        request.headers += headers
        request.timeout = .seconds(60)
        return try await http.send(request)
    }

    private func post(_ path: String, _ body: [UInt8], _ token: String) async throws -> HTTPResponse {
        try await send("POST", path, body, token)
    }

    private func send(
        _ method: String, _ path: String, _ body: [UInt8], _ token: String
    ) async throws -> HTTPResponse {
        var request = request(method, path, body, token)
        if !body.isEmpty { request.headers.append(HTTPField("Content-Type", "application/json")) }
        request.timeout = .seconds(15)
        return try await http.send(request)
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8], _ token: String) -> HTTPRequest {
        HTTPRequest(
            method, baseURL + path,
            headers: [
                HTTPField("Authorization", "Bearer \(token)"), HTTPField("X-Molecule-Org-Id", orgID),
            ], body: body)
    }
}

extension HTTPResponse {
    var isSuccess: Bool { (200..<300).contains(status) }

    /// The same request may well be taken later.
    var isTransientRefusal: Bool { status == 408 || status == 425 || status == 429 || status >= 500 }

    /// `Retry-After` in seconds, at most a minute; nil when it is absent or a date.
    var retryAfter: Duration? {
        guard let seconds = header("Retry-After").flatMap({ Int($0) }), seconds >= 0 else { return nil }
        return .seconds(min(seconds, 60))
    }
}
