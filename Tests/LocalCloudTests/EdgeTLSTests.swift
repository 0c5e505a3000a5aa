import Foundation
import TestSupport
import Testing

@testable import LocalCloud

/// The TLS of the edge and of the platform front, as curl, openssl and Python's ssl find it.
@Suite struct EdgeTLSTests {
    @Test func everyNameHasACertificateOfItsOwnMintedOnce() async throws {
        try await TLSListener.with { listener in
            for host in ["acme.localhost", "beta.localhost", "127.0.0.1"] {
                let (status, output) = try await listener.curl(listener.url("/ok", host: host))
                #expect(status == 0 && output == "ok", "\(host): \(output)")
            }
            let first = try await listener.client("-servername", "acme.localhost")
            #expect(first.contains("subject=CN = acme.localhost"))
            #expect(first.contains("Verify return code: 0 (ok)"))
            let again = try await listener.client("-servername", "ACME.localhost")
            #expect(certificate(first) != nil && certificate(first) == certificate(again))
        }
    }

    @Test(arguments: [
        "x,DNS:bank.example", "a b.localhost", "", ".localhost",
        String(repeating: "a", count: 64) + ".localhost",
    ])
    func whatIsNoHostNameGetsTheListenersOwnCertificate(name: String) async throws {
        try await TLSListener.with { listener in
            let asked =
                try await name.isEmpty
                ? listener.client("-noservername") : listener.client("-servername", name)
            #expect(asked.contains("subject=CN = 127.0.0.1"), "\(asked)")
            #expect(asked.contains("Verify return code: 0 (ok)"))
        }
    }

    @Test func versionsBefore12AreRefused() async throws {
        try await TLSListener.with { listener in
            for version in ["-tls1", "-tls1_1"] {
                let refused = try await listener.client(version, "-cipher", "DEFAULT@SECLEVEL=0")
                #expect(refused.contains("alert protocol version"), "\(version): \(refused)")
            }
            for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
                #expect(try await listener.client(version).contains("New, \(name)"))
            }
        }
    }

    @Test func http11IsChosenByALPNWhereItIsOffered() async throws {
        try await TLSListener.with { listener in
            let both = try await listener.client("-alpn", "h2,http/1.1")
            #expect(both.contains("ALPN protocol: http/1.1"))
            let other = try await listener.client("-alpn", "h2,http/1.0")
            #expect(other.contains("No ALPN negotiated") && other.contains("Verify return code: 0 (ok)"))
        }
    }

    @Test func oneConnectionTakesTenThousandRequests() async throws {
        try await TLSListener.with { listener in
            let (status, output) = try await listener.curl(
                "-w", "%{http_code} %{num_connects}\n", "-o", "/dev/null", listener.url("/[1-10000]"))
            let lines = output.split(separator: "\n")
            #expect(status == 0)
            #expect(lines.count == 10_000 && lines.allSatisfy { $0.hasPrefix("200 ") })
            #expect(lines.count { $0 == "200 1" } == 1)
        }
    }

    @Test func largeBodiesPassWholeBothWays() async throws {
        let length = 64 * 1024 * 1024 + 17
        try await TLSListener.with { listener in
            let file = listener.authorityFile + ".body"
            defer { try? FileManager.default.removeItem(atPath: file) }
            let (status, output) = try await listener.curl("-o", file, listener.url("/large/\(length)"))
            #expect(status == 0, "\(output)")
            let body = try Data(contentsOf: URL(filePath: file))
            #expect(body == TLSListener.body(length))
            let sent = try await listener.curl("-H", "Expect:", "-T", file, listener.url("/take"))
            #expect(sent.output == "whole: true")
        }
    }

    @Test func twoHundredConnectionsAreServedAtOnce() async throws {
        // So many handshakes at once take as long as the machine lets them.
        try await TLSListener.with(handshakeTime: .seconds(300)) { listener in
            let (status, output) = try await listener.curl(
                // Parallel transfers show a progress meter although curl is silent.
                "--stderr", "/dev/null", "-Z", "--parallel-immediate", "--parallel-max", "200", "-w",
                "%{http_code}\n", "-o",
                "/dev/null",
                listener.url("/together/200?[1-200]"))
            let answers = output.split(separator: "\n")
            #expect(status == 0)
            #expect(answers.count == 200 && answers.allSatisfy { $0 == "200" }, "\(Set(answers))")
            #expect(listener.seen.mostOpen == 200)
        }
    }

    @Test func eachSideMayEndFirstAndBothSayGoodbye() async throws {
        try await TLSListener.with { listener in
            try await listener.judge("farewell")
            try await listener.judge("client_farewell")
            try await listener.judge("ragged")
            try await eventually("the ends") { listener.seen.remainders == ["late", "unfinished"] }
            try await listener.becomesIdle()
        }
    }

    @Test func whatIsWrittenBeforeTheHandshakeIsSentAfterIt() async throws {
        try await TLSListener.with(greeting: "hello") { listener in
            try await listener.judge("greeting")
            try await listener.becomesIdle()
        }
    }

    @Test(arguments: ["plaintext", "noise", "broken_hello"])
    func whatIsNoHelloEndsTheConnectionWithoutAReset(scenario: String) async throws {
        try await TLSListener.with { listener in
            try await listener.judge(scenario)
            try await listener.becomesIdle()
            #expect(try await listener.curl(listener.url("/ok")).output == "ok")
        }
    }

    @Test(arguments: ["silence", "half_hello"])
    func aHandshakeThatIsNotFinishedIsEnded(scenario: String) async throws {
        struct Answer: Decodable { var seconds: Double }
        try await TLSListener.with { listener in
            let output = try await listener.judge(scenario)
            let answer = try JSONDecoder().decode(Answer.self, from: Data(output.utf8))
            #expect((29.5...40).contains(answer.seconds))
            try await listener.becomesIdle()
        }
    }

    @Test func aClientThatTakesNothingStopsTheWriterAndItsDeathEndsIt() async throws {
        try await TLSListener.with { listener in
            let client = try ChildProcess(
                "/usr/bin/env",
                [
                    "python3", "\(packageRoot)/Tests/oracles/tls_client.py", "\(listener.port)",
                    listener.authorityFile, "stalled",
                ])
            try await client.waitForOutput("stalled")
            try await eventually("a second in which nothing is written") {
                let written = listener.seen.written
                try await Task.sleep(for: .seconds(1))
                return listener.seen.written == written
            }
            #expect(listener.seen.written < 32 * 1024 * 1024)
            #expect(listener.seen.open == 1)
            await client.stop()
            try await listener.becomesIdle()
        }
    }
}

private func certificate(_ output: String) -> Substring? {
    output.firstMatch(of: #/-----BEGIN CERTIFICATE-----[^-]+/#)?.0
}
