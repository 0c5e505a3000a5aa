import Testing

@testable import AdminProtocol
@testable import Fleet
@testable import Organisations
@testable import Service

@Suite struct ReturnURLTests {
    static let urls = ReturnURLs(
        domains: ["tenants.example", "localhost"], ownHost: "cp.other.example", ports: ["18443"],
        fallback: "https://app.tenants.example")

    @Test(arguments: [
        "https://tenants.example", "https://tenants.example/", "https://acme.tenants.example/a/b?c=d&e=f#g",
        "https://acme.tenants.example?q=1", "https://acme.tenants.example#top",
        "https://acme.tenants.example:443/", "https://acme.localhost:18443/x", "https://cp.other.example/y",
        "https://acme.tenants.example/a%20b", "https://acme.tenants.example/a?u=https://other.example/",
    ])
    func placesOfThePlatformAreTaken(_ url: String) throws {
        #expect(try Self.urls.checked(url) == url)
    }

    /// Known ways to make two readers of one URL disagree about its host, and other mischief.
    static let tricks = [
        "", " ", "/", "/path", "//evil.example", "///evil.example", "////evil.example", "\\\\evil.example",
        "/\\evil.example", "http://tenants.example", "http://acme.tenants.example/",
        "HTTPS://tenants.example", "HTTP://evil.example", "https:tenants.example", "https:/tenants.example",
        "https:///tenants.example", "https:////tenants.example", "https:\\\\tenants.example",
        "https://evil.example", "https://evil.example/tenants.example",
        "https://evil.example?tenants.example", "https://evil.example#tenants.example",
        "https://evil.example#.tenants.example", "https://evil.example?.tenants.example",
        "https://eviltenants.example", "https://tenants.example.evil.example",
        "https://tenants.examples", "https://tenants.example.", "https://acme.tenants.example.",
        "https://.tenants.example", "https://a..tenants.example", "https://other.example",
        "https://x.cp.other.example", "https://tenants.example@evil.example",
        "https://tenants.example:x@evil.example", "https://user@tenants.example",
        "https://user:pw@tenants.example", "https://evil.example@tenants.example",
        "https://tenants.example%40evil.example", "https://tenants.example%2f@evil.example",
        "https://evil.example\\@tenants.example", "https://evil.example\\.tenants.example",
        "https://evil.example%5c.tenants.example", "https://evil.example%2f.tenants.example",
        "https://evil.example%00.tenants.example", "https://evil.example%23.tenants.example",
        "https://evil.example;.tenants.example", "https://evil.example,.tenants.example",
        "https://tenants.example:80/", "https://tenants.example:8443/", "https://tenants.example:",
        "https://tenants.example:443:443", "https://tenants.example:0443", "https://tenants.example:+443",
        "https://tenants.example\t", "https://tenants.example\n",
        "https://tenants.example\r\nSet-Cookie: a=b",
        "https://tenants.example/\r\nLocation: https://evil.example", "https://tenants.example/%0d%0aX: y",
        "https://tenants.example/%0D%0AX", "https://tenants.example/%00", "https://tenants.example/%7f",
        "https://tenants.example/%5cevil.example", "https://tenants.example/%255cevil",
        "https://tenants.example/%252f%252fevil.example", "https://tenants.example//evil.example",
        "https://tenants.example/%2fevil.example", "https://tenants.example/%2F%2Fevil.example",
        "https://tenants.example/\\evil.example", "https://tenants.example/%", "https://tenants.example/%2",
        "https://tenants.example/%zz", "https://tenants.example/%+1", "https://tenants.example/a b",
        "https://tenants.example/\u{0}", "https://tenants.example/\u{7f}", "https://tenants.example/é",
        "https://ténants.example", "https://tenants.example\u{2028}", "https://tenants。example",
        "https://evil.example／.tenants.example", "https://ⓣenants.example", "https://TENANTS.EXAMPLE",
        "https://[::1]/", "https://[::1].tenants.example", "https://127.0.0.1/", "https://2130706433/",
        "javascript:alert(1)", "javascript://tenants.example/%0aalert(1)", "data:text/html,x",
        "vbscript:x", "file:///etc/passwd", "ftp://tenants.example/", "wss://tenants.example/",
        " https://tenants.example", "\u{feff}https://tenants.example", "\thttps://tenants.example",
        "https://tenants.example/<script>", "https://tenants.example/\"", "https://tenants.example/`x`",
        "https://tenants.example/{a}", "https://tenants.example/|", "https://tenants.example/^",
        "tenants.example", "www.tenants.example/x", "https:tenants.example/..//evil.example", "?", "#",
        "https://",
        "https://?tenants.example", "https://#tenants.example", "https:///",
        "https://tenants.example/" + String(repeating: "a", count: 2_048),
    ]

    @Test(arguments: tricks)
    func whatCouldLeadElsewhereIsRefused(_ url: String) {
        #expect(!Self.urls.allows(url))
        #expect(throws: AppError.self) { try Self.urls.checked(url) }
    }

    @Test func withoutOneABrowserGoesToTheApp() throws {
        #expect(try Self.urls.checked(nil) == "https://app.tenants.example")
    }

    @Test func theRouteRefusesThemToo() async throws {
        try await SignInTests.withProvider { service in
            let browser = TestBrowser(service)
            for target in ["//evil.example", "http://tenants.example", "https://evil.example", ""] {
                for route in ["login", "signup", "logout"] {
                    let page = try await browser.open("GET", "/cp/auth/\(route)?return_to=\(target)")
                    #expect(page.status == 400 && page.code == "invalid_return_to", "\(route) \(target)")
                    #expect(page.location.isEmpty)
                }
            }
            #expect(try await service.count("sign_ins") == 0)
        }
    }
}
