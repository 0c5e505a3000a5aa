import ArgumentParser
import Foundation
import Testing

@testable import AdminCLI

@Suite struct RolloutOptionTests {
    @Test func everyOptionIsAFieldOfTheOrder() throws {
        let command = try StartRollout.parse([
            "--tag", "v2", "--service", "tenant", "--channel", "stable", "--slug", "a", "b", "--slug", "c",
            "--canary", "a", "--soak", "20", "--wave-soak", "5", "--waves", "10,50,100", "--batch", "4",
            "--concurrency", "3", "--health", "90", "--drain", "15", "--max-failures", "2",
            "--max-failure-percent", "7", "--offline", "30", "--rollback", "all", "--force", "--dry-run",
        ])
        let expected: [String: Any] = [
            "target_tag": "v2", "service": "tenant", "channel": "stable", "slugs": ["a", "b", "c"],
            "canary_slugs": ["a"], "soak_seconds": 20, "wave_soak_seconds": 5, "waves": [10, 50, 100],
            "batch_size": 4, "concurrency": 3, "health_seconds": 90, "drain_seconds": 15, "max_failures": 2,
            "max_failure_percent": 7, "offline_seconds": 30, "rollback": "all", "force": true,
            "dry_run": true,
        ]
        #expect(try json(command.order) == NSDictionary(dictionary: expected))
    }

    /// What is not said is the control plane's to decide.
    @Test func whatIsNotGivenIsNotSent() throws {
        #expect(try json(StartRollout.parse([]).order) == [:])
        #expect(try json(StartRollout.parse(["--refresh"]).order) == ["refresh": true])
        #expect(try json(RedeployTenant.parse(["acme"]).order) == [:])
        #expect(
            try json(
                RedeployTenant.parse(["acme", "--digest", "sha256:1", "--drain", "0", "--dry-run"]).order)
                == ["digest": "sha256:1", "drain_seconds": 0, "dry_run": true])
    }

    @Test(arguments: [
        ["--tag", "v2", "--digest", "sha256:1"], ["--tag", "v2", "--refresh"], ["--waves", "10,x"],
        ["--waves", "10,,100"], ["--rollback", "some"], ["--soak", "1m"], ["stray"],
    ])
    func whatMakesNoSenseIsRefusedBeforeAnythingIsSent(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try StartRollout.parse(arguments) }
    }

    @Test func aReleaseChangesOnlyWhatIsGiven() throws {
        func change(_ arguments: String...) throws -> NSDictionary? {
            guard let change = try TenantRelease.parse(["acme"] + arguments).change else { return nil }
            return try json(change)
        }
        #expect(try change() == nil)
        #expect(try change("--channel", "canary") == ["channel": "canary"])
        #expect(try change("--pin", "sha256:1") == ["pinned_digest": "sha256:1"])
        #expect(try change("--unpin", "--opt-in") == ["pinned_digest": "", "opted_out": false])
        #expect(
            try change("--opt-out", "--maintenance", "0") == ["opted_out": true, "maintenance_seconds": 0])
        for both in [["--pin", "x", "--unpin"], ["--opt-out", "--opt-in"]] {
            #expect(throws: (any Error).self) { try TenantRelease.parse(["acme"] + both) }
        }
    }

    @Test func aRolloutIsNamedByTheBeginningOfItsID() throws {
        let ids = ["3f2a91c0-1111", "3f2a91c0-2222", "aaaaaaaa-1111"]
        func choose(_ text: String) throws -> String {
            try #require(RolloutReference(argument: text)).choose(ids)
        }
        #expect(try choose("latest") == ids[0])
        #expect(try choose("AAAAAAAA") == ids[2])
        #expect(try choose("3f2a91c0-2") == ids[1])
        #expect(throws: Failure.self) { try choose("3f2a91c0") }
        #expect(throws: Failure.self) { try choose("bbbbbbbb") }
        #expect(throws: Failure.self) { try RolloutReference(argument: "latest")?.choose([]) }
    }

    private func json(_ value: some Encodable) throws -> NSDictionary {
        try #require(JSONSerialization.jsonObject(with: JSONEncoder().encode(value)) as? NSDictionary)
    }
}
