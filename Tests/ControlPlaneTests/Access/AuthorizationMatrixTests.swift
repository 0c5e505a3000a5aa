import CurlHTTP
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Every route of the table with everything that can be presented, over HTTP. Nothing is listed here by hand:
/// a new route is asked with all of it, and what it has to answer follows from its access.
@Suite struct AuthorizationMatrixTests {
    static let unlimited = Dictionary(
        uniqueKeysWithValues: RateLimits.names.map { ($0, 0) })

    @Test func everyRouteAnswersEveryCredentialAsItsAccessSays() async throws {
        let limits = String(decoding: try JSONEncoder().encode(Self.unlimited), as: UTF8.self)
        // A provider that does not answer is enough: nobody signs in here.
        let environment = [
            "RATE_LIMITS": limits, "CP_WORKERS": "1", "OIDC_ISSUER": "http://127.0.0.1:9",
            "OIDC_CLIENT_ID": "id", "OIDC_CLIENT_SECRET": "secret", "STRIPE_API_URL": "http://127.0.0.1:9",
            "STRIPE_SECRET_KEY": "rk_test_x", "STRIPE_WEBHOOK_SECRETS": MatrixWorld.webhookSecret,
        ]
        try await TestService.run(environment) { service in
            let world = try await MatrixWorld(service)
            let table = routes(service.platform)
            let started = ContinuousClock.now
            var cells: [Verdict: Int] = [:]
            for route in table {
                for presenter in world.presenters {
                    let expected = Self.expected(route, presenter)
                    cells[expected, default: 0] += 1
                    try await Self.check(route, presenter, expected, world)
                }
            }
            let total = cells.values.reduce(0, +)
            let admitted = cells[.admitted] ?? 0
            let seconds = Int((ContinuousClock.now - started) / .seconds(1))
            print(
                "authorization matrix: \(total) cells (\(table.count) routes, \(world.presenters.count) "
                    + "credentials), \(admitted) admitted, \(total - admitted) refused, \(seconds) s")
            #expect(total == table.count * world.presenters.count && total > 2_500)
        }
    }

    private static func expected(_ route: Route, _ presenter: Presenter) -> Verdict {
        let changesState = route.method != .get
        // An enrolled tenant reports boot stages as well.
        if route.path == "/cp/tenants/boot-event", case .tenant = presenter.standing { return .admitted }
        return route.access.verdict(
            presenter, changesState: changesState, namesOrg: route.path.contains(":slug"))
    }

    private static func check(
        _ route: Route, _ presenter: Presenter, _ expected: Verdict, _ world: MatrixWorld
    ) async throws {
        let before = expected == .admitted ? 0 : try await records(world)
        let (status, code) = try await ask(route, presenter, world)
        let cell: Comment = "\(route.method) \(route.path) with \(presenter.name): \(status) \(code ?? "-")"
        guard case .refused(let wantedStatus, let wantedCode) = expected else {
            #expect(!isRefusal(route, status, code), cell)
            #expect(status < 500 || status == 502 || status == 503, cell)
            if route.method != .get || route.path.hasPrefix("/cp/auth") { try await world.restore() }
            return
        }
        #expect(refuses(route, status, code, wantedStatus, wantedCode), cell)
        #expect(try await records(world) == before, "refused, and something changed: \(cell)")
    }

    /// Routes of an instance judge what it says of itself before they look its token up; they refuse it all
    /// the same.
    private static func refuses(
        _ route: Route, _ status: Int, _ code: String?, _ wanted: Int, _ wantedCode: String
    ) -> Bool {
        if route.path == "/cp/tenants/re-enroll", status == 403, code == "enrolment_refused" { return true }
        return status == wanted && code == wantedCode
    }

    private static func isRefusal(_ route: Route, _ status: Int, _ code: String?) -> Bool {
        // What a public route says by itself is not the gate's.
        if case .anyone = route.access { return status == 429 }
        if status == 401 { return true }
        return ["role_missing", "scope_missing", "cross_site", "org_not_found", "rate_limited"]
            .contains(code ?? "")
    }

    /// Audit records and changes of rows that a refused request must not make.
    private static func records(_ world: MatrixWorld) async throws -> Int {
        try await world.service.count("audit.entries WHERE action <> 'environment_token.used'")
    }

    // MARK: Asking

    static let bodies = [
        "/cp/tenants/boot-event": #"{"sequence":1,"stage":"docker","outcome":"started"}"#,
        "/cp/tenants/enroll": #"{"identity_pkcs7":"QUJD","agent_version":"1"}"#,
        "/cp/tenants/re-enroll": """
        {"identity_pkcs7":"QUJD","agent_version":"1","secrets_encryption_key":"k","database_password":"p"}
        """,
        // The organisation stands in the body; what comes after it is refused.
        "/cp/billing/checkout":
            #"{"org_slug":"acme","plan":"none","success_url":"x","cancel_url":"x"}"#,
        "/cp/billing/portal": #"{"org_slug":"acme","return_url":"x"}"#,
        WebhookRoute.path: """
        {"id":"evt_matrix","type":"product.created","created":1,"livemode":false,"data":{"object":{}}}
        """,
    ]

    /// No handler takes it, so that one that is reached changes little.
    private static let strangeBody = #"{"a field that no route knows":1}"#

    private static func ask(
        _ route: Route, _ presenter: Presenter, _ world: MatrixWorld
    ) async throws -> (status: Int, code: String?) {
        let path = route.path.split(separator: "/").map { word in
            switch word {
            case ":slug": MatrixWorld.slug
            case ":name": "stable"
            case _ where word.hasPrefix(":"): UUID().text
            default: String(word)
            }
        }.joined(separator: "/")
        var request = HTTPRequest(
            "\(route.method)", "\(world.service.url)/\(path)", headers: presenter.headers)
        if route.method != .get {
            request.headers.append(HTTPField("Content-Type", "application/json"))
            request.body = Array((bodies[route.path] ?? strangeBody).utf8)
        }
        request.timeout = .seconds(60)
        // The head is enough, and of a stream there is no end.
        let (head, body) = try await client.stream(request)
        var text: [UInt8] = []
        if head.header("Content-Type") == "application/problem+json" {
            for try await chunk in body { text += chunk }
        }
        let problem = try? JSONDecoder().decode([String: JSONValue].self, from: Data(text))
        return (head.status, problem?["code"]?.string)
    }

    private static let client = HTTPClient()

    @Test func everyInstanceRouteHasABodyThatItsCredentialIsJudgedBy() async throws {
        try await TestService.run { service in
            for route in routes(service.platform) where route.access == .instance {
                #expect(Self.bodies[route.path] != nil, "\(route.path)")
            }
        }
    }
}
