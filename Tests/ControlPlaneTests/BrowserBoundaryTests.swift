import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What answers tell browsers, and which pages may call from elsewhere.
@Suite struct BrowserBoundaryTests {
    private static let app = "https://app.example.com"

    private func send(
        _ service: TestService, _ method: String, _ path: String, origin: String?, preflight: Bool = false
    ) async throws -> HTTPResponse {
        var request = HTTPRequest(method, service.url + path)
        if let origin { request.headers.append(HTTPField("Origin", origin)) }
        if preflight { request.headers.append(HTTPField("Access-Control-Request-Method", "POST")) }
        return try await service.platform.http.send(request)
    }

    @Test func everyAnswerSaysThatItIsNoPage() async throws {
        try await TestService.run { service in
            for path in ["/health", "/cp/admin/orgs", "/cp/nothing"] {
                let answer = try await send(service, "GET", path, origin: nil)
                #expect(answer.header("X-Content-Type-Options") == "nosniff", "\(path)")
                #expect(answer.header("Referrer-Policy") == "no-referrer")
                #expect(answer.header("X-Frame-Options") == "DENY")
                #expect(answer.header("Content-Security-Policy") == SecurityHeaders.contentPolicy)
                #expect(answer.header("Strict-Transport-Security") == SecurityHeaders.transportSecurity)
                #expect(answer.header("X-Request-Id")?.isEmpty == false)
            }
        }
    }

    @Test func onlyNamedOriginsMayCallAndOnlyTheBrowsersRoutes() async throws {
        try await TestService.run(["CORS_ORIGINS": Self.app]) { service in
            let allowed = try await send(service, "OPTIONS", "/cp/orgs", origin: Self.app, preflight: true)
            #expect(allowed.status == 204)
            #expect(allowed.header("Access-Control-Allow-Origin") == Self.app)
            #expect(allowed.header("Access-Control-Allow-Credentials") == "true")
            #expect(allowed.header("Vary") == "Origin")
            let actual = try await send(service, "GET", "/cp/orgs/acme", origin: Self.app)
            #expect(actual.header("Access-Control-Allow-Origin") == Self.app)

            for origin in [
                "https://app.example.com.evil.example", "http://app.example.com", "https://APP.example.com",
                "https://app.example.com:444", "null", "https://evil.example", "",
            ] {
                let answer = try await send(service, "OPTIONS", "/cp/orgs", origin: origin, preflight: true)
                #expect(answer.header("Access-Control-Allow-Origin") == nil, "\(origin)")
                #expect(answer.status == 404 || answer.status == 405, "\(origin)")
                #expect(answer.header("Vary") == "Origin")
            }
            for path in ["/cp/admin/orgs", "/cp/tenants/config", "/health", "/cp/organisations"] {
                let answer = try await send(service, "OPTIONS", path, origin: Self.app, preflight: true)
                #expect(answer.header("Access-Control-Allow-Origin") == nil, "\(path)")
            }
        }
    }

    @Test(arguments: [
        "*", "https://*.example.com", "app.example.com", "http://app.example.com", "https://",
        "https://app.example.com/", "https://app.example.com/path", "https://user@app.example.com",
        "https://App.example.com", "null",
    ])
    func whatIsNoOriginIsRefusedAtStart(_ text: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try Configuration(environment: ExampleEnvironment.make(["CORS_ORIGINS": text]))
        }
        #expect(error?.description.contains("CORS_ORIGINS") == true)
    }
}
