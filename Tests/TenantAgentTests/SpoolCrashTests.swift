import CurlHTTP
import Foundation
import TestSupport
import Testing

/// A real process that records and sends, killed again and again, before a platform that loses replies,
/// answers 500 before and after it took a batch, and forgets.
@Suite struct SpoolCrashTests {
    private struct State: Decodable {
        var places: [String: String]
        var contradictions: [[String]]
        var missing: [[String: Int]]
        var lost: [[String: Int]]
    }

    private static func process(_ folder: String, _ url: String, _ mode: String) throws -> ChildProcess {
        try ChildProcess(builtProduct("spool-process"), [folder, url, "\(folder)/journal", mode])
    }

    private static func ask(_ url: String) async throws -> State {
        var request = HTTPRequest("GET", url)
        request.maximumResponseBytes = 64 << 20
        let answer = try await HTTPClient().send(request)
        return try JSONDecoder().decode(State.self, from: Data(answer.body))
    }

    @Test func everythingRecordedArrivesUnderOnePlaceWheneverItIsKilled() async throws {
        let kills = Int(ProcessInfo.processInfo.environment["SPOOL_KILLS"] ?? "") ?? 40
        try await withTemporaryFolder { folder in
            let platform = try ChildProcess(
                "/usr/bin/env", ["python3", "\(packageRoot)/Tests/oracles/usage_platform.py", "7"])
            let url = "http://127.0.0.1:\(try await platform.announcedPort())"
            do {
                for _ in 0..<kills {
                    let process = try Self.process(folder, url, "record")
                    try await Task.sleep(for: .milliseconds(.random(in: 30...220)))
                    kill(process.processIdentifier, SIGKILL)
                    await process.stop()
                }
                _ = try await Self.ask(url + "/calm")
                // A last event of the stream, so that the platform can say what it misses.
                let last = try Self.process(folder, url, "record")
                try await Task.sleep(for: .milliseconds(400))
                kill(last.processIdentifier, SIGKILL)
                await last.stop()
                let drain = try Self.process(folder, url, "drain")
                try await eventually("the spool to be empty", within: .seconds(60)) { !drain.isRunning }
                try await expectAll(folder, url)
            } catch {
                await platform.stop()
                throw error
            }
            await platform.stop()
        }
    }

    private func expectAll(_ folder: String, _ url: String) async throws {
        let journal = try SpoolJournal(path: "\(folder)/journal")
        let state = try await Self.ask(url + "/state")
        let received = Set(state.places.values.map { Substring($0) })
        print("spool: \(journal.kept.count) kept, \(received.count) received")
        #expect(journal.kept.count > 100)
        #expect(state.contradictions.isEmpty)
        #expect(state.lost.isEmpty)
        #expect(state.missing.isEmpty)
        #expect(journal.kept.subtracting(received).isEmpty, "what was answered arrived")
        #expect(received.subtracting(journal.attempted).isEmpty, "nothing was invented")
        #expect(state.places.count == received.count, "one place each")
        // Killed, but never unsure: it is one stream.
        #expect(Set(state.places.keys.map { $0.prefix { $0 != " " } }).count == 1)
    }
}
