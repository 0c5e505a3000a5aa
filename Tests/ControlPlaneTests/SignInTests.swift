import CurlHTTP
import Foundation
import JSONWebTokens
import TestSupport
import Testing
import WireText

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// The whole way of a browser, over real HTTP, against two providers: the local cloud's and Authlib's.
@Suite struct SignInTests {
    static func withProvider(
        _ overrides: [String: String] = [:], _ body: @Sendable @escaping (TestService) async throws -> Void
    ) async throws {
        let provider = try await LocalIdentityProvider()
        do {
            try await TestService.run(provider.environment.merging(overrides) { $1 }, body)
        } catch {
            await provider.stop()
            throw error
        }
        await provider.stop()
    }

    @Test func aPersonSignsInAndIsKnown() async throws {
        try await Self.withProvider { service in
            let browser = TestBrowser(service)
            #expect(try await browser.open("GET", "/cp/auth/me").status == 401)
            let target = "https://app.tenants.example/start?tab=1"
            let page = try await browser.signIn(
                email: "Ada@people.example", path: "/cp/auth/login?return_to=\(target)")
            #expect(page.status == 302 && page.location == target)
            let me = try await browser.open("GET", "/cp/auth/me")
            #expect(me.status == 200 && me.json["email"] == .string("Ada@people.example"))
            #expect(me.json["org_id"] == .null)
            #expect(me.json["user_id"]?.string?.hasPrefix("user_") == true)
            #expect(browser.cookies.count == 1, "the sign-in's own cookie is gone")
            let cookie = page.headers.headers.first { $0.value.hasPrefix(browser.sessionName) }?.value ?? ""
            for word in ["__Host-", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
                #expect(cookie.contains(word), "\(cookie)")
            }
            #expect(!cookie.contains("Domain"))
            let stored = try await service.platform.database.query(
                "SELECT encode(token_hash, 'hex') AS hash FROM sessions")
            #expect(try stored[0]["hash", as: String.self] == TokenHash(of: browser.session ?? "").bytes.hex)
            #expect(try await service.count("sign_ins") == 0)
        }
    }

    @Test func theCookieIsSharedWithTenantsWhereItIsConfiguredToBe() async throws {
        try await Self.withProvider(["SESSION_COOKIE_DOMAIN": "tenants.example"]) { service in
            let browser = TestBrowser(service)
            let page = try await browser.signIn(email: "ada@people.example", path: "/cp/auth/signup")
            #expect(page.location == "https://cp.example/cp/auth/me")
            let cookie = page.headers.headers.first { $0.value.hasPrefix("__Secure-") }?.value ?? ""
            #expect(cookie.contains("; Domain=tenants.example"), "\(cookie)")
        }
    }

    @Test func authlibTakesTheRequestAndItsTokenIsTaken() async throws {
        let python = try Oracle.environment.get() + "/bin/python"
        let provider = try OracleServer(
            "authlib_provider.py", ["platform", "secret:of it", "https://cp.example/cp/auth/callback"],
            python: python)
        let issuer = try #require(
            JSONDecoder().decode([String: String].self, from: provider.announcement)["issuer"])
        let settings = [
            "OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": "platform", "OIDC_CLIENT_SECRET": "secret:of it",
            "OIDC_SCOPES": "openid email",
        ]
        try await TestService.run(settings) { service in
            let browser = TestBrowser(service)
            func signIn(_ algorithm: SignatureAlgorithm) async throws {
                let chosen = try await browser.open("POST", issuer + "/algorithm/" + algorithm.rawValue)
                #expect(chosen.status == 204)
                let back = try await browser.open("GET", try await browser.begin().url).location
                let page = try await browser.open("GET", back)
                #expect(page.status == 302, "\(algorithm): \(page.body)")
                let me = try await browser.open("GET", "/cp/auth/me")
                #expect(me.json["user_id"] == .string("ada"))
                #expect(me.json["email"] == .string("ada@people.example"), "from the userinfo endpoint")
                #expect(try await service.count("sessions") == 1)
            }
            for algorithm in SignatureAlgorithm.allCases { try await signIn(algorithm) }
            #expect(try await browser.open("POST", issuer + "/rotate").status == 204)
            for algorithm in SignatureAlgorithm.allCases { try await signIn(algorithm) }
        }
        withExtendedLifetime(provider) {}
    }

    @Test func aRefusalByThePersonSignsNobodyIn() async throws {
        try await Self.withProvider { service in
            let browser = TestBrowser(service)
            let (url, _) = try await browser.begin()
            let query = URLComponents(string: url)?.percentEncodedQuery ?? ""
            let back = try await browser.open(
                "POST", String(url.prefix { $0 != "?" }), form: "\(query)&cancel=yes")
            let page = try await browser.open("GET", back.location)
            #expect(page.status == 403 && page.code == "sign_in_refused")
            #expect(page.json["detail"]?.string?.contains("access_denied") == true)
            #expect(try await service.count("sessions") == 0)
        }
    }

    @Test func aStateCountsOnceAndForItsBrowserOnly() async throws {
        try await Self.withProvider { service in
            let (ada, eve) = (TestBrowser(service), TestBrowser(service))
            let back = try await ada.consent(try await ada.begin().url, email: "ada@people.example")
            // Somebody who has seen the address but is another browser.
            _ = try await eve.begin()
            #expect(try await eve.open("GET", back).code == "unknown_sign_in")
            let wrong = back.replacing(try #require(TestBrowser.query(back)["state"]), with: "0" * 64)
            #expect(try await ada.open("GET", wrong).code == "unknown_sign_in")
            let cookies = ada.cookies
            #expect(try await ada.open("GET", back).status == 302)
            for (name, value) in cookies { ada.plant(name, value) }
            #expect(try await ada.open("GET", back).code == "unknown_sign_in")
            #expect(try await service.count("sessions") == 1)
        }
    }

    @Test func aSignInThatTakesTooLongIsOver() async throws {
        try await Self.withProvider { service in
            let browser = TestBrowser(service)
            let back = try await browser.consent(try await browser.begin().url, email: "ada@people.example")
            try await service.platform.database.execute("UPDATE sign_ins SET expires_at = now()")
            #expect(try await browser.open("GET", back).code == "unknown_sign_in")
            #expect(try await service.count("sessions") == 0)
        }
    }

    @Test func withoutAProviderThereIsNoWayIn() async throws {
        try await TestService.run { service in
            for path in ["/cp/auth/login", "/cp/auth/callback", "/cp/auth/me", "/cp/auth/tenant-member"] {
                let answer = try await service.send("GET", path, token: nil)
                #expect(answer.status == 404, "\(path)")
            }
            #expect(try await service.send("GET", "/cp/legal/terms", token: nil).status == 200)
        }
    }
}

private func * (text: String, count: Int) -> String { String(repeating: text, count: count) }
