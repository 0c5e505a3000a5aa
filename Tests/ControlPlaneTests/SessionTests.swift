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

@Suite struct SessionTests {
    @Test func signingInGivesANewSessionWhateverTheBrowserHad() async throws {
        try await SignInTests.withProvider { service in
            let browser = TestBrowser(service)
            let planted = SessionToken.generate()
            browser.plant(browser.sessionName, planted.text)
            try await browser.signIn(email: "ada@people.example")
            let first = try #require(browser.session)
            #expect(first != planted.text, "a value from outside is never adopted")
            try await browser.signIn(email: "ada@people.example")
            #expect(browser.session != first)
            #expect(try await service.count("sessions") == 1, "what the browser had before is ended")
            browser.plant(browser.sessionName, first)
            #expect(try await browser.open("GET", "/cp/auth/me").status == 401)
        }
    }

    @Test func signingOutEndsThisBrowsersSessionOrAll() async throws {
        try await SignInTests.withProvider { service in
            let browsers = [TestBrowser(service), TestBrowser(service), TestBrowser(service)]
            for browser in browsers { try await browser.signIn(email: "ada@people.example") }
            let stranger = TestBrowser(service)
            try await stranger.signIn(email: "eve@people.example")
            let first = browsers[0].session
            let out = try await browsers[0].open("POST", "/cp/auth/logout", headers: TestUser.ownPage)
            #expect(out.status == 204 && browsers[0].session == nil)
            browsers[0].plant(browsers[0].sessionName, first ?? "")
            #expect(try await browsers[0].open("GET", "/cp/auth/me").status == 401)
            #expect(try await browsers[1].open("GET", "/cp/auth/me").status == 200)
            let all = try await browsers[1].open(
                "POST", "/cp/auth/logout-everywhere", headers: TestUser.ownPage)
            #expect(all.status == 204)
            #expect(try await browsers[2].open("GET", "/cp/auth/me").status == 401)
            #expect(try await stranger.open("GET", "/cp/auth/me").status == 200)
        }
    }

    @Test func aLinkSignsOutUnlessAnotherSiteHasIt() async throws {
        try await SignInTests.withProvider { service in
            let browser = TestBrowser(service)
            try await browser.signIn(email: "ada@people.example")
            let path = "/cp/auth/logout?return_to=https://acme.tenants.example/bye"
            let foreign = try await browser.open(
                "GET", path, headers: [HTTPField("Sec-Fetch-Site", "cross-site")])
            #expect(foreign.status == 302)
            #expect(try await browser.open("GET", "/cp/auth/me").status == 200)
            let own = try await browser.open("GET", path, headers: [HTTPField("Sec-Fetch-Site", "same-site")])
            #expect(own.status == 302 && own.location == "https://acme.tenants.example/bye")
            #expect(browser.session == nil)
            #expect(try await service.count("sessions") == 0)
        }
    }

    /// Headers that a browser sends with a POST, and whether it comes from a page of the platform.
    static let pages: [(name: String, headers: [HTTPField], sharing: Bool, alone: Bool)] = [
        (
            "own page", [.init("Origin", "https://cp.example"), .init("Sec-Fetch-Site", "same-origin")], true,
            true
        ),
        ("own page of an older browser", [.init("Origin", "https://cp.example")], true, true),
        ("own page without an origin", [.init("Sec-Fetch-Site", "same-origin")], true, true),
        ("a tenant's page", [.init("Origin", "https://acme.tenants.example")], true, false),
        (
            "a tenant's page through its proxy",
            [.init("Origin", "https://acme.tenants.example:443"), .init("Sec-Fetch-Site", "same-origin")],
            true,
            false
        ),
        ("a tenant's page in the clear", [.init("Origin", "http://acme.tenants.example")], false, false),
        ("a neighbour without an origin", [.init("Sec-Fetch-Site", "same-site")], false, false),
        ("another site", [.init("Origin", "https://evil.example")], false, false),
        (
            "another site that claims to be ours",
            [.init("Origin", "https://cp.example"), .init("Sec-Fetch-Site", "cross-site")], false, false
        ),
        ("a sandboxed page", [.init("Origin", "null")], false, false),
        ("a name that ends alike", [.init("Origin", "https://eviltenants.example")], false, false),
        ("a path that ends alike", [.init("Origin", "https://evil.example/.tenants.example")], false, false),
        ("an empty origin", [.init("Origin", "")], false, false),
        ("nothing", [], false, false),
    ]

    @Test(arguments: [true, false])
    func aChangeByCookieComesFromAPageThatSharesTheSession(_ isShared: Bool) async throws {
        let domain = isShared ? ["SESSION_COOKIE_DOMAIN": "tenants.example"] : [:]
        try await SignInTests.withProvider(domain) { service in
            let ada = try await service.signIn("ada")
            for page in Self.pages {
                let answer = try await ada.send("POST", "/cp/auth/accept-terms", headers: page.headers)
                let isAllowed = isShared ? page.sharing : page.alone
                #expect(answer.status == (isAllowed ? 200 : 403), "\(page.name): \(answer.status)")
                if !isAllowed { #expect(answer.code == "cross_site") }
                #expect(try await ada.send("GET", "/cp/auth/me", headers: page.headers).status == 200)
            }
        }
    }
}
