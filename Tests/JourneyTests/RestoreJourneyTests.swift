import Foundation
import TestSupport
import Testing

/// A deleted tenant comes back with its data: on real instances, through a real snapshot of a volume.
extension JourneyTests {
    @Test(.timeLimit(.minutes(10)))
    func aDeletedTenantIsRestoredWithItsData() async throws {
        let slug = "restore-\(UInt16.random(in: 1000...9999))"
        let before = try await stack.traces()
        let others = try await stack.containers()
        _ = try await stack.create(slug)
        // A plan whose volumes are kept for some days after the end.
        _ = try await stack.postgres(
            "psql", "-qc", "UPDATE orgs SET plan = 'starter' WHERE slug = '\(slug)'")
        try await stack.awaitRunning(slug)
        let first = try #require(try await stack.containers().first { !others.contains($0) })
        try await sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('still here')", on: first)
        try await stack.delete(slug)
        #expect(try await stack.traces() == before)

        let accepted = try await stack.platform("POST", "/cp/admin/orgs/\(slug)/restore")
        #expect(accepted.status == 202, "\(accepted.json)")
        try await stack.awaitRunning(slug)
        let second = try #require(try await stack.containers().first { !others.contains($0) })
        #expect(second != first)
        #expect(try await sql("SELECT word FROM kept", on: second) == "still here\n")
        try await stack.expectHealthy(slug)

        try await stack.delete(slug, isErasure: true)
        #expect(try await stack.traces() == before)
        try await eventually("the snapshot to go") { try await snapshots().isEmpty }
    }

    @discardableResult
    private func sql(_ text: String, on instance: String) async throws -> String {
        try await stack.docker(
            "exec", instance, "docker", "exec", "molecule-postgres", "psql", "-U", "molecule", "-d",
            "molecule", "-v", "ON_ERROR_STOP=1", "-Atqc", text)
    }

    /// What is left of snapshots at the host: an image and a volume each.
    private func snapshots() async throws -> [String] {
        let images = try await stack.docker(
            "images", "-q", "--filter", "reference=\(stack["STACK_NAME"])-snapshot")
        let volumes = try await stack.docker(
            "volume", "ls", "-q", "--filter", "name=\(stack["STACK_NAME"])-snap-")
        return (images + volumes).split(separator: "\n").map(String.init)
    }
}
