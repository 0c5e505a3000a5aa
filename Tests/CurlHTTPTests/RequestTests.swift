import CurlHTTP
import Foundation
import Testing

@Suite struct RequestTests {
    let server: TestServer
    let client = plainClient()

    init() throws { server = try TestServer.shared.get() }

    @Test func sendsMethodHeadersAndBodyAsGiven() async throws {
        let headers = [
            HTTPField("X-Dup", "a"), HTTPField("X-Dup", "b"), HTTPField("X-Empty", ""),
            HTTPField("X-U", "grün"),
        ]
        let request = HTTPRequest("POST", server.url("/echo"), headers: headers, body: Array("hello".utf8))
        let response = try await client.send(request)
        let echo = try Echo(response)
        #expect(echo.line == "POST /echo HTTP/1.1")
        #expect(echo.body == "hello")
        #expect(echo.values("X-Dup") == ["a", "b"])
        #expect(echo.values("X-Empty") == [""])
        #expect(echo.values("X-U") == ["grün"])
        #expect(echo.values("Content-Type").isEmpty && echo.values("Expect").isEmpty)
        #expect(response.header("x-two") == "a")
        #expect(response.headers.filter { $0.name == "X-Two" }.count == 2)
    }

    @Test(arguments: ["GET", "POST", "PUT", "PATCH", "DELETE"], ["", "{}"])
    func everyMethodCarriesItsBody(_ method: String, _ body: String) async throws {
        let echo = try Echo(
            try await client.send(HTTPRequest(method, server.url("/echo"), body: Array(body.utf8))))
        #expect(echo.line.hasPrefix("\(method) "))
        #expect(echo.body == body)
    }

    @Test func headHasNoBody() async throws {
        let response = try await client.send(HTTPRequest("HEAD", server.url("/nothing")))
        #expect(response.status == 404 && response.body.isEmpty)
    }

    @Test func aFailingStatusIsAnAnswer() async throws {
        let response = try await client.send(HTTPRequest("GET", server.url("/status/503")))
        #expect(response.status == 503)
        #expect(response.header("Retry-After") == "7")
        #expect(response.text == "busy")
    }

    @Test func interimAnswersAreSkipped() async throws {
        let response = try await client.send(HTTPRequest("GET", server.url("/early-hints")))
        #expect(response.status == 200 && response.text == "late")
        #expect(response.header("Link") == nil && response.header("X-Final") == "yes")
    }

    @Test func connectionsAreReused() async throws {
        var connections: Set<Int> = []
        for _ in 0..<20 {
            connections.insert(
                try Echo(try await client.send(HTTPRequest("GET", server.url("/echo")))).connection)
        }
        #expect(connections.count == 1)
    }

    @Test func redirectsAreFollowedOnlyWhenAsked() async throws {
        var request = HTTPRequest("GET", server.url("/redirect"))
        #expect(try await client.send(request).status == 302)
        request.followsRedirects = true
        let response = try await client.send(request)
        #expect(response.status == 200)
        #expect(try Echo(response).line == "GET /echo HTTP/1.1")
    }

    @Test func aRedirectToAFileIsRefused() async throws {
        var request = HTTPRequest("GET", server.url("/to-file"))
        request.followsRedirects = true
        guard case .interrupted = await failure({ try await client.send(request) }) else {
            Issue.record("a file was read")
            return
        }
    }

    @Test func speaksOverAUnixSocket() async throws {
        var request = HTTPRequest("GET", "http://docker/echo")
        request.unixSocketPath = server.folder + "/socket"
        let echo = try Echo(try await client.send(request))
        #expect(echo.values("Host") == ["docker"])
    }

    @Test(arguments: [
        ("GET", "file:///etc/passwd", "X", "y"), ("GET", "example.org", "X", "y"),
        ("GET", "http://127.0.0.1/a b", "X", "y"), ("GET", "http://127.0.0.1/\r\nX: y", "X", "y"),
        ("GET X", "http://127.0.0.1/", "X", "y"), ("", "http://127.0.0.1/", "X", "y"),
        ("GET", "http://127.0.0.1/", "X", "y\r\nZ: 1"), ("GET", "http://127.0.0.1/", "X Y", "y"),
        ("GET", "http://127.0.0.1/", "", "y"), ("GET", "http://127.0.0.1/", "X", "\u{0}"),
    ])
    func malformedRequestsAreRefusedUnsent(_ method: String, _ url: String, _ name: String, _ value: String)
        async
    {
        let request = HTTPRequest(method, url, headers: [HTTPField(name, value)])
        let error = await failure { try await client.send(request) }
        guard case .invalidRequest = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.mayHaveTakenEffect == false)
    }

    @Test func requestsOverTheLimitsAreRefusedUnsent() async {
        var configuration = HTTPClient.Configuration()
        configuration.maximumRequestBytes = 10
        configuration.maximumHeaderBytes = 200
        let client = HTTPClient(configuration: configuration)
        let long = HTTPField("X", String(repeating: "v", count: 300))
        for request in [
            HTTPRequest("POST", server.url("/echo"), body: Array(repeating: 1, count: 11)),
            HTTPRequest("POST", server.url("/echo"), headers: [long]),
        ] {
            guard case .invalidRequest = await failure({ try await client.send(request) }) else {
                Issue.record("accepted")
                continue
            }
        }
    }
}
