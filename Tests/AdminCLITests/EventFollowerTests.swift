import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import AdminCLI

@Suite struct EventFollowerTests {
    @Test func aConnectionThatFallsSilentIsMadeAgain() async throws {
        let server = try OracleServer("silent_stream.py")
        let url = try #require(JSONDecoder().decode([String: String].self, from: server.announcement)["url"])
        var configuration = HTTPClient.Configuration()
        configuration.usesProxyFromEnvironment = false
        let http = HTTPClient(configuration: configuration)
        let api = ControlPlaneAPI(http: http, url: url, token: "t", printsJSON: false)
        var heard: [String] = []
        for try await news in EventFollower(api, "/events", silence: .milliseconds(200)).news() {
            if case .event(let event) = news { heard.append(event.data) }
            if heard.count == 3 { break }
        }
        #expect(heard == ["none", "1", "2"])
    }

    @Test func onlyWhatPassesByItselfIsBorneAndNotForEver() throws {
        let away = Failure("No control plane answers.", isPassing: true)
        var patience = Patience()
        #expect(!patience.isTried)
        try patience.bear(away)
        try patience.bear(HTTPError.interrupted("reset"))
        #expect(patience.isTried)
        #expect(throws: Failure.self) { try patience.bear(Failure("There is no such rollout.")) }
        #expect(throws: HTTPError.tls("expired")) { try patience.bear(HTTPError.tls("expired")) }
        var short = Patience(limit: .zero)
        #expect(throws: Failure.self) { try short.bear(away) }
    }

    /// One that was sent may have taken effect; a look may simply be repeated.
    @Test func anOrderWithoutAnAnswerIsInDoubt() async throws {
        let problem = "transfer closed"
        let order = try await cpctl(
            ["rollout", "start"], ["/cp/admin/rollouts": [.init(status: 202, body: "{", breaksOff: true)]])
        #expect(order.status == 1 && order.output.contains(problem))
        #expect(order.output.contains("It may have taken effect: check before you try again."))
        let look = try await cpctl(
            ["channels", "list"], ["/cp/admin/channels": [.init(status: 200, body: "{", breaksOff: true)]])
        #expect(look.status == 1 && look.output.contains(problem) && !look.output.contains("taken effect"))
    }
}
