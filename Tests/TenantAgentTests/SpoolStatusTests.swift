import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent
@testable import TenantSpool

/// `tenant-agent status`, of what is unsent.
@Suite struct SpoolStatusTests {
    private static func status(_ folder: String) throws -> SpoolStatus {
        try SpoolStatus(.usage, spoolFolders(folder))
    }

    @Test func whatIsUnsentIsCountedUntilItIsTaken() async throws {
        try await withSpool { folder in
            let none = try Self.status(folder)
            #expect(none.pending == 0 && none.oldest == nil && none.lastSent == nil)
            #expect(none.line == "usage: 0 unsent records, 0 bytes, nothing sent yet")
            let spool = UsageSpool(folder: folder)
            try await withThrowingTaskGroup { group in
                for number in 1...1_300 { group.addTask { try await spool.record(usageEvent(number)) } }
                try await group.waitForAll()
            }
            let all = try Self.status(folder)
            #expect(all.pending == 1_300 && all.pendingBytes > 1_300 * 100)
            #expect(all.oldest == usageEvent(1).occurredAt && all.lastSent == nil)
            // The second batch is not taken.
            let platform = SpoolPlatform { _, number in (number == 2 ? 503 : 200, []) }
            await #expect(throws: SpoolSender.Obstacle.self) { try await platform.sender(folder).sendAll() }
            let some = try Self.status(folder)
            #expect(some.pending == 300 && some.pendingBytes < all.pendingBytes)
            #expect(some.oldest == usageEvent(1).occurredAt && some.lastSent != nil)
            _ = try await platform.sender(folder).sendAll()
            let sent = try Self.status(folder)
            #expect(sent.pending == 0 && sent.pendingBytes == 0 && sent.oldest == nil)
        }
    }

    @Test func whatStandsInTheWayIsShownUntilItIsGone() async throws {
        try await withSpool { folder in
            try deliveryFolder(folder).noteObstacle("usage: the platform answers 503")
            #expect(try Self.status(folder).lastError == "usage: the platform answers 503")
            #expect(try Self.status(folder).line.hasSuffix("in the way: usage: the platform answers 503"))
            let json = String(decoding: try JSONEncoder().encode(try Self.status(folder)), as: UTF8.self)
            #expect(json.contains(#""last_error":"usage: the platform answers 503""#))
            #expect(json.contains(#""pending_bytes":0"#))
            try deliveryFolder(folder).noteObstacle(nil)
            #expect(try Self.status(folder).lastError == nil)
        }
    }

    /// The agent's own loop notes both.
    @Test func theAgentNotesWhatStandsInItsWay() async throws {
        try await withSpool { folder in
            let server = try await ScriptedServer(
                folder: folder,
                ["/cp/llm-usage-events": [.init(status: 503), .init(status: 200, body: "{}")]])
            let installation = try makeInstallation(folder, platform: server.url)
            try FileManager.default.createDirectory(
                atPath: installation.tenantDataPath, withIntermediateDirectories: false)
            try await recordUsage(1...3, installation.tenantDataPath)
            let shipping = try #require(try SpoolShipping(installation))
            let task = Task { await shipping.run() }
            try await eventually("the refusal is shown") {
                try SpoolStatus(.usage, installation.spoolFolders).lastError?.contains("503") == true
            }
            try await eventually("it is sent") {
                let status = try SpoolStatus(.usage, installation.spoolFolders)
                return status.pending == 0 && status.lastError == nil && status.lastSent != nil
            }
            task.cancel()
            await task.value
            await server.stop()
        }
    }

    /// What one stream is refused for holds up no other: usage that can be sent is not kept waiting.
    @Test func aRefusedStreamHoldsUpNoOther() async throws {
        try await withSpool { folder in
            try await recordUsage(1...3, folder)
            let first = try #require(try spoolStreams(folder).first)
            let refused = SpoolPlatform { batch, _ in (batch.epoch == first.epoch ? 409 : 200, []) }
            let other = "\(folder)/spool/usage/ffffffff-ffff-4fff-bfff-ffffffffffff"
            try FileManager.default.copyItem(atPath: first.folder.path, toPath: other)
            await #expect(throws: SpoolSender.Obstacle.self) { try await refused.sender(folder).sendAll() }
            #expect(refused.all.map(\.epoch) == [first.epoch, "ffffffff-ffff-4fff-bfff-ffffffffffff"])
            #expect(try Self.status(folder).pending == 3)
        }
    }
}
