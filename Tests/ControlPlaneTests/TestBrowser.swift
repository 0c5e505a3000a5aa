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

/// A browser as far as signing in goes: it keeps cookies, follows no link by itself, and reaches the platform
/// at its public name.
final class TestBrowser {
    let service: TestService
    private(set) var cookies: [String: String] = [:]

    init(_ service: TestService) { self.service = service }

    /// Where the platform is for browsers, and where it really listens.
    private var publicURL: String { service.platform.configuration.browser.url }

    struct Page {
        var status: Int
        var location: String
        var body: String
        var headers: HTTPResponse
        var json: [String: JSONValue]
        var code: String? { json["code"]?.string }
    }

    /// - Parameter url: of the platform, or a path of it.
    @discardableResult
    func open(
        _ method: String, _ url: String, form: String? = nil, headers: [HTTPField] = []
    ) async throws -> Page {
        let path = url.hasPrefix(publicURL) ? String(url.dropFirst(publicURL.count)) : url
        let isOurs = path.hasPrefix("/")
        var request = HTTPRequest(method, isOurs ? service.url + path : path, headers: headers)
        if isOurs, !cookies.isEmpty {
            let line = cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            request.headers.append(HTTPField("Cookie", line.joined(separator: "; ")))
        }
        if let form {
            request.headers.append(HTTPField("Content-Type", "application/x-www-form-urlencoded"))
            request.body = Array(form.utf8)
        }
        let response = try await service.platform.http.send(request)
        if isOurs { keep(response) }
        return Page(
            status: response.status, location: response.header("Location") ?? "", body: response.text,
            headers: response,
            json: (try? JSONDecoder().decode([String: JSONValue].self, from: Data(response.body))) ?? [:])
    }

    private func keep(_ response: HTTPResponse) {
        for field in response.headers where field.name.lowercased() == "set-cookie" {
            let parts = field.value.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
            let pair = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(pair[0])] = parts.contains("Max-Age=0") ? nil : String(pair[1])
        }
    }

    func plant(_ name: String, _ value: String) { cookies[name] = value }

    var sessionName: String { service.platform.configuration.browser.sessions.cookieName }
    var session: String? { cookies[sessionName] }

    /// The way to the provider: what the platform asks it for.
    func begin(_ path: String = "/cp/auth/login") async throws -> (url: String, query: [String: String]) {
        let page = try await open("GET", path)
        try #require(page.status == 302, "\(page.body)")
        return (page.location, Self.query(page.location))
    }

    static func query(_ url: String) -> [String: String] {
        let items = URLComponents(string: url)?.queryItems ?? []
        return Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    /// Fills in the local cloud's page.
    /// - Returns: the address to which it sends the browser back.
    func consent(_ url: String, email: String, isVerified: Bool = true) async throws -> String {
        let page = try await open("GET", url)
        #expect(page.status == 200 && page.body.contains("Your e-mail address"))
        let query = URLComponents(string: url)?.percentEncodedQuery ?? ""
        let provider = url.prefix { $0 != "?" }
        let form = "\(query)&email=\(email.replacing("@", with: "%40"))\(isVerified ? "&verified=yes" : "")"
        let sent = try await open("POST", String(provider), form: form)
        #expect(sent.status == 303, "\(sent.body)")
        return sent.location
    }

    /// The whole way.
    @discardableResult
    func signIn(email: String, isVerified: Bool = true, path: String = "/cp/auth/login") async throws -> Page
    {
        let back = try await consent(try await begin(path).url, email: email, isVerified: isVerified)
        return try await open("GET", back)
    }
}
