import Foundation
import TestSupport
import Testing

private let org = "11111111-2222-4333-8444-555555555555"

private func withServer(
    _ more: [String: String] = [:], _ body: (StackProgram, Int) async throws -> Void
) async throws {
    let nowhere = "127.0.0.1:\(try freePort())"
    let server = try StackProgram.workspaceServer(
        [
            "DATABASE_URL": "postgresql://\(nowhere)/none", "REDIS_URL": "redis://\(nowhere)",
            "MEMORY_PLUGIN_URL": "http://\(nowhere)", "WORKSPACE_DRAIN_IDLE_SECONDS": "1",
        ].merging(more) { $1 })
    do {
        try await server.awaitStatus(200, of: "/metrics")
        try await body(server, try #require(URLComponents(string: server.url)?.port))
    } catch {
        await server.process.stop()
        throw error
    }
    await server.process.stop()
}

@Test func aDrainingServerAnswersOnWhatIsOpenAndSaysThatItIsTheLastTime() async throws {
    try await withServer { server, port in
        let busy = try RawConnection(port: port)
        let idle = try RawConnection(port: port)
        for connection in [busy, idle] {
            let first = try await connection.ask("/version").lowercased()
            #expect(first.hasPrefix("http/1.1 200") && !first.contains("connection: close"))
        }
        server.process.signal(SIGTERM)
        try await server.process.waitForOutput("draining")
        let last = try await busy.ask("/version").lowercased()
        #expect(last.hasPrefix("http/1.1 200") && last.contains("connection: close"))
        #expect(await busy.isEnded())
        // Who comes now is answered too.
        let late = try RawConnection(port: port)
        #expect(try await late.ask("/version").lowercased().contains("connection: close"))
        #expect(await late.isEnded())
        #expect(await idle.isEnded(), "an idle connection is closed after a while")
        #expect(try await server.process.wait() == 0)
    }
}

@Test func aRequestInProgressIsWaitedForAndASecondSignalIsNot() async throws {
    let upstream = try SilentServer()
    try await withServer(["CP_UPSTREAM_URL": upstream.url]) { server, port in
        let connection = try RawConnection(port: port)
        let answer = Task { try await connection.ask("/cp/auth/me") }
        try await upstream.awaitRequest()
        server.process.signal(SIGTERM)
        // Longer than idle connections are kept.
        try await Task.sleep(for: .milliseconds(1_500))
        #expect(server.process.isRunning)
        upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        let text = try await answer.value
        #expect(text.hasSuffix("done") && text.lowercased().contains("connection: close"))
        #expect(try await server.process.wait() == 0)
    }
    try await withServer(["CP_UPSTREAM_URL": upstream.url, "WORKSPACE_DRAIN_IDLE_SECONDS": "300"]) {
        server, port in
        let connection = try RawConnection(port: port)
        _ = try await connection.ask("/version")
        server.process.signal(SIGTERM)
        try await server.process.waitForOutput("draining")
        server.process.signal(SIGINT)
        #expect(try await server.process.wait() == 0)
    }
}

@Test func aWebSocketHearsItselfAndIsToldToComeAgain() async throws {
    try await withServer(["MOLECULE_ORG_ID": org]) { server, port in
        let clients = try await WebSocketClients("ws://127.0.0.1:\(port)/ws", org: org, count: 3)
        try await Task.sleep(for: .milliseconds(700))
        server.process.signal(SIGTERM)
        #expect(try await server.process.wait() == 0)
        let report = try await clients.stop()
        #expect(report.closes == ["1012": 3] && report.wrong == 0, "\(report)")
        #expect(report.echoes >= 15 && report.connections == 3, "\(report)")
    }
}

@Test func aConnectionBecomesAWebSocketAlsoAfterOtherRequests() async throws {
    try await withServer(["MOLECULE_ORG_ID": org]) { _, port in
        let upgrade = [
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            // The example of RFC 6455, section 1.3.
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ]
        let named = upgrade.merging(["X-Molecule-Org-Id": org]) { $1 }
        let connection = try RawConnection(port: port)
        #expect(try await connection.ask("/version", ["X-Molecule-Org-Id": org]).hasPrefix("HTTP/1.1 200"))
        let answer = try await connection.ask("/ws", named)
        #expect(answer.hasPrefix("HTTP/1.1 101"))
        #expect(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))

        // Without the org's name there is nothing here; and a server cannot go on after such a request.
        let stranger = try RawConnection(port: port)
        let refusal = try await stranger.ask("/ws", upgrade).lowercased()
        #expect(refusal.hasPrefix("http/1.1 404") && refusal.contains("connection: close"))
        #expect(await stranger.isEnded())
        let plain = try RawConnection(port: port)
        #expect(try await plain.ask("/ws", ["X-Molecule-Org-Id": org]).hasPrefix("HTTP/1.1 426"))
        let old = try RawConnection(port: port)
        #expect(
            try await old.ask("/ws", named.merging(["Sec-WebSocket-Version": "8"]) { $1 }).hasPrefix(
                "HTTP/1.1 400"))
    }
}

@Test func metricsCountWhatClientsGetAndHowLongItTook() async throws {
    try await withServer { server, _ in
        for _ in 0..<4 { _ = try await server.send("GET", "/version") }
        _ = try await server.send("GET", "/health")
        let text = try await server.send("GET", "/metrics").text
        #expect(text.contains(#"molecule_tenant_http_responses_total{status="2xx"} 4"#))
        #expect(!text.contains(#"status="5xx""#), "the 503 of /health is not a client's")
        #expect(text.contains(#"molecule_tenant_http_duration_seconds_bucket{le="+Inf"} 4"#))
        #expect(text.contains("molecule_tenant_http_duration_seconds_count 4"))
    }
}
