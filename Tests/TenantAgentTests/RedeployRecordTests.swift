import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private func report(_ milliseconds: Int) -> RedeployReport {
    RedeployReport(
        outcome: .updated, service: "tenant", previousDigest: "sha256:1", digest: "sha256:2", healthy: true,
        code: nil, durationMilliseconds: milliseconds)
}

@Test func theReportsOfTheLastTwentyRedeploysAreKept() async throws {
    try await withTemporaryFolder { folder in
        let records = RedeployRecords(installation: try makeInstallation(folder, platform: nil))
        #expect(try records.report(of: "r1") == nil)
        for number in 1...25 { try records.save(report(number), of: "r\(number)") }
        #expect(try records.report(of: "r5") == nil)
        #expect(try records.report(of: "r6") == report(6))
        #expect(try records.report(of: "r25") == report(25))
        // The same id keeps one place.
        try records.save(report(99), of: "r25")
        #expect(try records.report(of: "r25") == report(99) && records.report(of: "r6") == report(6))
    }
}

@Test func anOrderThatWasCarriedOutIsAnsweredFromTheDiskWithoutTouchingAnything() async throws {
    try await withTemporaryFolder { folder in
        let installation = try makeInstallation(folder, platform: nil)
        try RedeployRecords(installation: installation).save(report(7), of: "once")
        // No Docker is there: anything else than the record would fail.
        let docker = DockerEngine(socket: "\(folder)/nowhere.sock")
        var order = RedeployOrder(.image("registry/image:1", of: .tenant))
        order.id = "once"
        #expect(await Redeploy(installation: installation, docker: docker, order: order).run() == report(7))
        order.id = "another"
        let refused = await Redeploy(installation: installation, docker: docker, order: order).run()
        #expect(refused.outcome == .refused && refused.code == .dockerUnavailable)
        #expect(try RedeployRecords(installation: installation).report(of: "another") == nil)
        #expect(refused.exitStatus == 11)
    }
}

@Test func whileOneRedeployIsAtWorkAnotherIsToldSoAndKeepsNoRecord() async throws {
    try await withTemporaryFolder { folder in
        let installation = try makeInstallation(folder, platform: nil)
        let locks = try #require(try await RedeployLocks.acquire(installation))
        #expect(try await RedeployLocks.acquire(installation) == nil)
        withExtendedLifetime(locks) {}
    }
}
