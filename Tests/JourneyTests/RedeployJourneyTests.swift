import CurlHTTP
import Foundation
import TenantProtocol
import TestSupport
import Testing

extension JourneyTests {
    /// Under load, through the edge: GETs and POSTs on kept connections, and WebSockets.
    @Test(.timeLimit(.minutes(15)))
    func redeploysLoseNoRequest() async throws {
        try await withTenant { slug, org, instance in
            let load = try RequestLoad(stack: stack, slug: slug, org: org)
            let sockets = try await WebSocketClients(
                stack.tenantURL(slug).replacingOccurrences(of: "https://", with: "wss://") + "/ws",
                caFile: stack["CP_CA_FILE"], org: org, count: 4)
            load.start()
            for tag in ["v2", "v1", "v2", "v1"] {
                let outcome = try await stack.redeploy(slug, to: tag)
                #expect(outcome["phase"] == "updated", "\(tag): \(outcome.json)")
            }
            // Some of it is for the last one, which is observed below.
            try await Task.sleep(for: .seconds(3))
            let counts = await load.stop()
            let report = try await sockets.stop()
            print("redeploys under load: \(counts.summary); WebSockets: \(report)")
            #expect(counts.failures.isEmpty, "\(counts.summary)")
            #expect(counts.answered > 500, "\(counts.summary)")
            #expect(counts.digests == [stack["DIGEST_TENANT_V1"], stack["DIGEST_TENANT_V2"]])
            #expect(report.wrong == 0 && report.failures.isEmpty, "\(report)")
            // Each of the four was told to come again at least by the four replacements of its server.
            #expect(report.closes["1012"] ?? 0 >= 16, "\(report)")
            #expect(report.connections >= 20, "\(report)")
            try await expectObservation(instance, counts)
            try await expectAgentsOwnRedeploys(instance)
        }
    }

    /// What the platform does not send: another connector, and fresh configuration.
    private func expectAgentsOwnRedeploys(_ instance: String) async throws {
        let connector = try await stack.agentRedeploy(
            instance,
            ["--service", "cloudflared", "--image", try stack.image("cloudflared", "v2"), "--drain", "5"])
        #expect(connector.outcome == .updated, "\(connector)")
        // What the platform says may have changed since the boot; asked again, it has not.
        let refresh = try await stack.agentRedeploy(instance, ["--refresh", "--id", "journey-refresh"])
        #expect(
            [.updated, .unchanged].contains(refresh.outcome) && refresh.service == "tenant", "\(refresh)")
        let again = try await stack.agentRedeploy(instance, ["--refresh", "--id", "journey-again"])
        #expect(again.outcome == .unchanged, "\(again)")
    }

    private func expectObservation(_ instance: String, _ counts: RequestLoad.Counts) async throws {
        let observation: HealthObservation = try await stack.agent(instance, ["observe"])
        #expect(observation.healthy && observation.digest == stack["DIGEST_TENANT_V1"])
        #expect(observation.restarts == 0)
        let before = try #require(observation.before)
        let since = try #require(observation.since)
        #expect(since.requests > 0 && since.errors == 0 && since.seconds <= 3_600, "\(observation)")
        #expect(before.requests > 0 && before.errors == 0, "\(observation)")
        #expect(before.requests + since.requests <= counts.answered + 200, "\(observation) \(counts.summary)")
        #expect(before.p95Milliseconds != nil && since.p95Milliseconds != nil)
    }

    /// The services beside molecule-tenant, images that cannot read the data, and orders that come twice.
    @Test(.timeLimit(.minutes(15)))
    func everyServiceIsRedeployedAndKeepsItsData() async throws {
        try await withTenant { slug, _, instance in
            let mark = "mark-\(UInt32.random(in: 0...UInt32.max))"
            try await stack.inside(instance, "docker exec molecule-redis redis-cli set journey \(mark)")
            try await stack.inside(
                instance,
                "docker exec molecule-postgres psql -q -U molecule -c 'CREATE TABLE journey AS SELECT 1 AS n'"
            )
            for (service, repository) in [
                ("memory-plugin", "memory-plugin"), ("redis", "tenant-redis"),
                ("postgres", "tenant-postgres"),
            ] {
                let image = try stack.image(repository, "v2")
                let order = ["--service", service, "--image", image, "--id", mark + service]
                let report = try await stack.agentRedeploy(instance, order)
                #expect(report.outcome == .updated && report.healthy, "\(report)")
                let again = try await stack.agentRedeploy(instance, order)
                #expect(again == report, "the same order is answered from the disk")
                let without = try await stack.agentRedeploy(instance, Array(order.prefix(4)))
                #expect(without.outcome == .unchanged, "\(without)")
            }
            let kept = try await stack.inside(instance, "docker exec molecule-redis redis-cli get journey")
            #expect(kept.contains(mark))
            let rows = try await stack.inside(
                instance, "docker exec molecule-postgres psql -At -U molecule -c 'SELECT n FROM journey'")
            #expect(rows.contains("1"))
            try await stack.expectHealthy(slug)
            try await expectRefusals(instance)
            try await expectDryRuns(instance)
            try await expectNoWayBack(slug, instance)
        }
    }

    private func expectRefusals(_ instance: String) async throws {
        let major = try await stack.agentRedeploy(
            instance, ["--service", "postgres", "--image", try stack.image("tenant-postgres", "next-major")])
        #expect(major.outcome == .refused && major.code == .schemaMismatch && major.healthy, "\(major)")
        let schema = try await stack.agentRedeploy(
            instance, ["--image", try stack.image("molecule-tenant", "schema3")])
        #expect(schema.outcome == .refused && schema.code == .schemaMismatch && schema.healthy, "\(schema)")
    }

    private func expectDryRuns(_ instance: String) async throws {
        // Not the table that people read: its column of ages changes by itself.
        let images = "docker images --digests --format '{{.ID}} {{.Repository}}:{{.Tag}} {{.Digest}}' | sort"
        let before = try await stack.inside(instance, images)
        func dry(_ image: String) async throws -> RedeployReport {
            try await stack.agentRedeploy(instance, ["--dry-run", "--image", image])
        }
        #expect(try await dry(try stack.image("molecule-tenant", "schema2")).outcome == .ready)
        let schema = try await dry(try stack.image("molecule-tenant", "schema3"))
        #expect(schema.outcome == .refused && schema.code == .schemaMismatch)
        let missing = stack.registry + "/molecule-tenant@sha256:" + String(repeating: "0", count: 64)
        let absent = try await dry(missing)
        #expect(absent.outcome == .refused && absent.code == .imageNotFound)
        #expect(try await stack.inside(instance, images) == before, "nothing was fetched")
    }

    /// `schema2` brings the data to where v1 and v2 cannot read it.
    private func expectNoWayBack(_ slug: String, _ instance: String) async throws {
        let forward = try await stack.agentRedeploy(
            instance, ["--image", try stack.image("molecule-tenant", "schema2")])
        #expect(forward.outcome == .updated, "\(forward)")
        let back = try await stack.agentRedeploy(
            instance, ["--image", try stack.image("molecule-tenant", "v1")])
        #expect(back.outcome == .refused && back.code == .schemaMismatch && back.healthy, "\(back)")
        try await stack.expectHealthy(slug)
    }

    /// A real agent, killed in the middle; then nobody calls, and its supervision mends what it left.
    @Test(.timeLimit(.minutes(15)))
    func agentThatIsKilledLeavesATenantThatServes() async throws {
        try await withTenant { slug, org, instance in
            for (round, pause) in [0.3, 1.5, 4].enumerated() {
                let tag = round.isMultiple(of: 2) ? "v2" : "v1"
                let image = try stack.image("molecule-tenant", tag)
                let order = "redeploy --drain 5 --id kill-\(round) --image \(image)"
                try await stack.inside(
                    instance, "timeout -s KILL \(pause) /usr/local/bin/tenant-agent \(order); true")
                try await eventually("\(slug) to serve after a kill at \(pause) s", within: .seconds(40)) {
                    (try? await stack.tenant(slug, "/version", org: org))?.status == 200
                }
                let names = "docker ps -a --format '{{.Names}}'"
                try await eventually("the supervision to mend", within: .seconds(60)) {
                    let left = try await stack.inside(instance, names)
                    return !left.contains("-next") && !left.contains("-previous")
                }
                try await stack.expectHealthy(slug)
                // The order that was cut off has no outcome: asked again, it is carried out.
                let report = try await stack.agentRedeploy(
                    instance, order.split(separator: " ").dropFirst().map(String.init))
                #expect([.updated, .unchanged].contains(report.outcome), "\(report)")
            }
        }
    }

    private func withTenant(
        _ body: (_ slug: String, _ org: String, _ instance: String) async throws -> Void
    ) async throws {
        let slug = "redeploy-\(UInt16.random(in: 1000...9999))"
        let others = try await stack.containers()
        let org = try await stack.create(slug)
        try await stack.awaitRunning(slug)
        let instance = try #require(try await stack.containers().first { !others.contains($0) })
        do {
            try await body(slug, org, instance)
        } catch {
            try? await stack.delete(slug)
            throw error
        }
        try await stack.delete(slug)
    }
}
