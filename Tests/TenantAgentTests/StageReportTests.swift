import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private let route = "/cp/tenants/boot-event"

@Test func aStageIsReportedWhenItStartsAndWhenItEnds() async throws {
    try await withTemporaryFolder { folder in
        let stub = try await ScriptedServer(folder: folder, [route: [.init(status: 204)]])
        let installation = try makeInstallation(folder, platform: stub.url)
        let reporter = StageReporter(
            installation: installation, platform: PlatformClient(try installation.declaration()))
        try await reporter.stage(.redis) {}
        await #expect(throws: StageFailure.self) {
            try await reporter.stage(.tenant) { throw StageFailure(.startFailed, "ended", exitCode: 7) }
        }
        await reporter.drain(upTo: .seconds(10))
        let events = try stub.events()
        await stub.stop()
        #expect(events.map(\.sequence) == [1, 2, 3, 4])
        #expect(events.map(\.stage) == [.redis, .redis, .tenant, .tenant])
        #expect(events.map(\.outcome) == [.started, .succeeded, .started, .failed])
        #expect(events[3].code == .startFailed && events[3].exitCode == 7)
        #expect(events.map { $0.durationMilliseconds != nil } == [false, true, false, true])
    }
}

@Test func whatAnAbsentPlatformMissedIsSentLaterOnceAndInOrder() async throws {
    try await withTemporaryFolder { folder in
        let stub = try await ScriptedServer(folder: folder, [route: [.init(status: 503)]])
        let installation = try makeInstallation(folder, platform: stub.url)
        // As the boot script leaves it, with a line that a power cut tore.
        let spooled =
            #"{"sequence":1,"stage":"docker","outcome":"started"}"# + "\n" + #"{"sequence":2,"sta"# + "\n"
        try Files.replace(installation.spoolPath, with: Array(spooled.utf8))
        try Files.replace(installation.sequencePath, with: Array("2\n".utf8))
        let reporter = StageReporter(
            installation: installation, platform: PlatformClient(try installation.declaration()))
        try await reporter.stage(.images) {}
        try await eventually("a refused report") { try !stub.requests(route).isEmpty }
        #expect(try stub.events().isEmpty)

        try stub.answer([route: [.init(status: 204)]])
        await reporter.drain(upTo: .seconds(30))
        let events = try stub.events()
        await stub.stop()
        #expect(events.map(\.sequence) == [1, 3, 4])
        #expect(try Spool(installation: installation).oldest().isEmpty)
    }
}

@Test func aReportThatThePlatformRefusesForItsContentHoldsUpNoOther() async throws {
    try await withTemporaryFolder { folder in
        // The batch is refused, then its first event; the second is taken.
        let answers: [ScriptedServer.Answer] = [.init(status: 400), .init(status: 400), .init(status: 204)]
        let stub = try await ScriptedServer(folder: folder, [route: answers])
        let installation = try makeInstallation(folder, platform: stub.url)
        let spool = Spool(installation: installation)
        for sequence in 1...2 {
            try spool.append(BootEvent(sequence: sequence, stage: .docker, outcome: .started))
        }
        let reporter = StageReporter(
            installation: installation, platform: PlatformClient(try installation.declaration()))
        await reporter.drain(upTo: .seconds(20))
        let events = try stub.events()
        await stub.stop()
        #expect(events.map(\.sequence) == [2])
        #expect(try spool.oldest().isEmpty)
    }
}

@Test func numbersGoOnOverRunsAndAreNeverGivenTwice() async throws {
    try await withTemporaryFolder { folder in
        let installation = try makeInstallation(folder, platform: nil)
        let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    // A new value each time, as a new process has.
                    try (0..<25).map { _ in try Spool(installation: installation).nextSequence() }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(numbers) == Set(1...100))
    }
}

@Test func aSelfHostedTenantReportsToNobody() async throws {
    try await withTemporaryFolder { folder in
        let installation = try makeInstallation(folder, platform: nil)
        let reporter = StageReporter(installation: installation, platform: nil)
        try await reporter.stage(.redis) {}
        await reporter.drain(upTo: .seconds(1))
        #expect(!Files.exists(installation.spoolPath))
    }
}
