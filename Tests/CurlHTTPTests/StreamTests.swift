import CurlHTTP
import Foundation
import Testing

@Suite struct StreamTests {
    let server: TestServer
    let client = plainClient()

    init() throws { server = try TestServer.shared.get() }

    @Test func everyEventArrives() async throws {
        let (head, body) = try await client.stream(HTTPRequest("GET", server.url("/events/10")))
        #expect(head.status == 200)
        #expect(head.header("Content-Type") == "text/event-stream")
        var chunks: [String] = []
        for try await chunk in body { chunks.append(String(decoding: chunk, as: UTF8.self)) }
        #expect(chunks.joined() == (0..<10).map { "data: \($0)\n\n" }.joined())
    }

    @Test func theFirstEventsOfAnEndlessStreamArrive() async throws {
        var text = ""
        for try await chunk in try await client.stream(HTTPRequest("GET", server.url("/events/1000000"))).body
        {
            text += String(decoding: chunk, as: UTF8.self)
            if text.contains("data: 3\n") { break }
        }
        #expect(text.hasPrefix("data: 0\n\ndata: 1\n\n"))
    }

    @Test func aStreamOutlivesTheTimeoutOfItsHead() async throws {
        var request = HTTPRequest("GET", server.url("/events/40"))
        request.timeout = .milliseconds(400)
        var bytes = 0
        for try await chunk in try await client.stream(request).body { bytes += chunk.count }
        #expect(bytes > 300)
    }

    @Test func aStreamWithoutAHeadTimesOut() async throws {
        var request = HTTPRequest("GET", server.url("/silent"))
        request.timeout = .milliseconds(200)
        #expect(await failure { try await client.stream(request) } == .timedOut)
    }

    @Test func aSlowReaderGetsEveryByte() async throws {
        var bytes = 0
        for try await chunk in try await client.stream(HTTPRequest("GET", server.url("/chunked/200"))).body {
            bytes += chunk.count
            #expect(chunk.count <= 512 << 10)
            if bytes < 4 << 20 { try await Task.sleep(for: .milliseconds(2)) }
        }
        #expect(bytes == 200 * 65536)
    }

    @Test func lettingGoOfTheBodyEndsTheRequest() async throws {
        for _ in 0..<20 {
            var (_, body): (HTTPResponse, AsyncThrowingStream<[UInt8], any Error>?) =
                try await client.stream(HTTPRequest("GET", server.url("/events/100000")))
            for try await _ in body! { break }
            body = nil
        }
        #expect(try await client.send(HTTPRequest("GET", server.url("/bytes/3"))).body.count == 3)
    }

    @Test func cancellationEndsTheBody() async throws {
        let task = Task { [client, server] in
            for try await _ in try await client.stream(HTTPRequest("GET", server.url("/events/100000"))).body
            {}
        }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        _ = await task.result
    }

    @Test func shutdownEndsTheBody() async throws {
        let client = plainClient()
        let body = try await client.stream(HTTPRequest("GET", server.url("/events/100000"))).body
        let task = Task { await failure { for try await _ in body {} } }
        try await Task.sleep(for: .milliseconds(50))
        client.shutdown()
        #expect(await task.value == .interrupted("the client was shut down"))
    }
}
