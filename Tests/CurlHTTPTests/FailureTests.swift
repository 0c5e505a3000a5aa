import CurlHTTP
import Foundation
import Testing

@Suite struct FailureTests {
    let server: TestServer
    let client = plainClient()

    init() throws { server = try TestServer.shared.get() }

    @Test func aSilentServerTimesOut() async throws {
        var request = HTTPRequest("GET", server.url("/silent"))
        request.timeout = .milliseconds(200)
        #expect(await failure { try await client.send(request) } == .timedOut)
    }

    @Test func aRefusedConnectionWasNeverSent() async throws {
        let error = await failure { try await client.send(HTTPRequest("GET", "http://127.0.0.1:1/")) }
        guard case .connectionFailed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.mayHaveTakenEffect == false)
    }

    @Test func aConnectTimeoutWasNeverSent() async throws {
        // A listener whose queue is full: connections to it neither succeed nor fail.
        let listener = try FullListener()
        var request = HTTPRequest("GET", "http://127.0.0.1:\(listener.port)/")
        request.connectTimeout = .milliseconds(200)
        let error = await failure { try await client.send(request) }
        guard case .connectionFailed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aBrokenConnectionMayHaveTakenEffect() async throws {
        let error = await failure {
            try await client.send(HTTPRequest("POST", server.url("/hang-up"), body: [1]))
        }
        guard case .interrupted = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.mayHaveTakenEffect == true)
    }

    /// libcurl sends a request again by itself when a kept connection dies before the answer.
    @Test(arguments: ["POST", "PUT", "PATCH"])
    func aRequestWithABodyIsSentOnceOnAKeptConnectionThatDies(_ method: String) async throws {
        let first = try Echo(await client.send(HTTPRequest("POST", server.url("/echo"), body: [1])))
        let again = try Echo(await client.send(HTTPRequest("POST", server.url("/echo"), body: [1])))
        #expect(first.connection == again.connection)
        let path = "/hang-up/\(UUID().uuidString)"
        let error = await failure {
            try await client.send(HTTPRequest(method, server.url(path), body: [1, 2, 3]))
        }
        guard case .interrupted = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let counts = try await client.send(HTTPRequest("GET", server.url("/counts"))).body
        let seen = try JSONDecoder().decode([String: Int].self, from: Data(counts))
        #expect(seen[path] == 1)
    }

    /// Longer than libcurl's buffer, and of every byte.
    @Test func aLongBodyArrivesWhole() async throws {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var request = HTTPRequest("POST", server.url("/echo"), body: body)
        // As JSON, with escapes.
        request.maximumResponseBytes = 4 << 20
        let echo = try Echo(await client.send(request))
        #expect(Array(echo.body.unicodeScalars.map { UInt8($0.value) }) == body)
    }

    @Test(arguments: ["/bytes/1001", "/chunked/1"])
    func anAnswerOverTheLimitIsCutOff(_ path: String) async throws {
        var request = HTTPRequest("GET", server.url(path))
        request.maximumResponseBytes = 1000
        #expect(await failure { try await client.send(request) } == .responseTooLarge(limit: 1000))
    }

    @Test func anAnswerOfExactlyTheLimitIsTaken() async throws {
        var request = HTTPRequest("GET", server.url("/bytes/1000"))
        request.maximumResponseBytes = 1000
        #expect(try await client.send(request).body.count == 1000)
    }

    @Test func anAnswersHeadersAreLimitedToo() async throws {
        let error = await failure { try await client.send(HTTPRequest("GET", server.url("/many-headers"))) }
        #expect(error == .responseTooLarge(limit: 64 << 10))
    }

    @Test func cancellationEndsARequestAtOnce() async throws {
        let request = HTTPRequest("GET", server.url("/silent"))
        let task = Task { await failure { try await client.send(request) } }
        try await Task.sleep(for: .milliseconds(100))
        let started = ContinuousClock.now
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(ContinuousClock.now - started < .seconds(5))
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        let request = HTTPRequest("GET", server.url("/silent"))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { try await client.send(request) }
        }
        #expect(await task.value == .cancelled)
    }

    @Test func aThousandCancellationsLeaveTheClientWorking() async throws {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<1000 {
                group.addTask { [client, server] in
                    let task = Task { try await client.send(HTTPRequest("GET", server.url("/bytes/1"))) }
                    if number.isMultiple(of: 3) { await Task.yield() }
                    task.cancel()
                    _ = await task.result
                }
            }
        }
        #expect(try await client.send(HTTPRequest("GET", server.url("/bytes/1"))).status == 200)
    }

    @Test func shutdownFailsRequestsInFlightAndLaterOnes() async throws {
        for _ in 0..<25 {
            let client = plainClient()
            let request = HTTPRequest("GET", server.url("/silent"))
            let tasks = (0..<10).map { _ in Task { await failure { try await client.send(request) } } }
            try await Task.sleep(for: .milliseconds(5))
            client.shutdown()
            for task in tasks {
                let error = await task.value
                #expect(error == .closed || error == .interrupted("the client was shut down"))
            }
            #expect(await failure { try await client.send(request) } == .closed)
            client.shutdown()
        }
    }

    @Test func aClientThatIsLetGoOfEndsItsThread() async throws {
        for _ in 0..<50 {
            let client = plainClient()
            _ = try await client.send(HTTPRequest("GET", server.url("/bytes/1")))
        }
    }
}

/// A listening socket that accepts nothing, its queue filled.
private final class FullListener {
    let port: Int
    private var sockets: [Int32] = []

    init() throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        sockets.append(listener)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, length)
                _ = listen(listener, 0)
                _ = getsockname(listener, $0, &length)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        for _ in 0..<8 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            sockets.append(client)
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = connect(client, $0, length) }
            }
        }
    }

    deinit { for socket in sockets { close(socket) } }
}
