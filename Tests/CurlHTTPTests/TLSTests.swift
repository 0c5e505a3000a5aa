import CurlHTTP
import Foundation
import Testing

@Suite struct TLSTests {
    let server: TestServer

    init() throws { server = try TestServer.shared.get() }

    private func client(_ change: (inout HTTPClient.Configuration) throws -> Void) rethrows -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.usesProxyFromEnvironment = false
        try change(&configuration)
        return HTTPClient(configuration: configuration)
    }

    private func expectRefusal(_ client: HTTPClient, _ url: String) async {
        let error = await failure { try await client.send(HTTPRequest("GET", url)) }
        guard case .tls = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.mayHaveTakenEffect == false)
    }

    @Test func aPrivateAuthorityIsTrustedFromAFileOrFromText() async throws {
        let url = server.url("/echo", "tls", host: "localhost")
        let clients = [
            try client { $0.extraCA = try server.authority },
            client { $0.caFile = server.folder + "/ca.pem" },
        ]
        for client in clients {
            #expect(try await client.send(HTTPRequest("GET", url)).status == 200)
        }
    }

    @Test func anUnknownAuthorityIsRefused() async throws {
        await expectRefusal(client { _ in }, server.url("/echo", "tls", host: "localhost"))
    }

    @Test func aWrongHostNameIsRefused() async throws {
        await expectRefusal(try client { $0.extraCA = try server.authority }, server.url("/echo", "tls"))
    }

    @Test func olderVersionsThan12AreRefused() async throws {
        await expectRefusal(
            try client { $0.extraCA = try server.authority }, server.url("/echo", "old", host: "localhost"))
    }

    @Test func theEnvironmentNamesTheAuthorities() {
        let one = ["SSL_CERT_FILE": "/one.pem"]
        let both = one.merging(["CURL_CA_BUNDLE": "/two.pem"]) { $1 }
        #expect(HTTPClient.Configuration(environment: { one[$0] }).caFile == "/one.pem")
        #expect(HTTPClient.Configuration(environment: { both[$0] }).caFile == "/two.pem")
        #expect(HTTPClient.Configuration(environment: { _ in nil }).caFile == nil)
    }
}
