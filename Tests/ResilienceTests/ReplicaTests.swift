import Foundation
import Postgres
import TestSupport
import Testing

/// Many control planes on one database: they share the work, and no death, pause or loss of one of them, of a
/// notification or of the database harms it.
@Suite(.serialized) struct ReplicaTests {
    @Test(.timeLimit(.minutes(5)))
    func threeShareTheWorkAndADeadOnesLeasesAreTakenOver() async throws {
        let settings = ["CP_LEASE_SECONDS": "4", "CP_WORKERS": "2"]
        try await Scene.run(in: try await SharedCloud.shared.value, settings) { scene in
            let slugs = scene.slugs(6)
            scene.gate.close(to: "registry.HEAD manifest")
            // The first process holds two leases when it dies.
            for slug in slugs.prefix(2) { try await scene.signUp(slug) }
            try await eventually("two runs") { scene.gate.waiting == 2 }
            let first = try await scene.owners()
            for _ in 0..<2 { try await scene.replicas.add() }
            for slug in slugs.dropFirst(2) { try await scene.signUp(slug) }
            try await eventually("runs of three") {
                try await scene.owners().count == 3 && scene.gate.waiting == 6
            }
            let killed = ContinuousClock.now
            await scene.replica.stop()
            let left = try await scene.longestLease(of: first)
            // What the lease leaves and one poll of a second: within five seconds on a machine with time.
            #expect(left <= 4)
            scene.gate.open()
            try await eventually("another owner", within: .seconds(60)) {
                try await scene.owners().isDisjoint(with: first)
            }
            print("leases of a killed process: taken over \(ContinuousClock.now - killed) after its death")
            #expect(try await scene.broken(slugs).isEmpty)
        }
    }

    /// Whatever it was in the middle of.
    @Test(
        .timeLimit(.minutes(5)),
        arguments: [
            "registry.HEAD manifest", "kms.GenerateDataKey", "cloudflare.POST cfd_tunnel",
            "cloudflare.GET cfd_tunnel/:id/token", "cloudflare.POST dns_records", "ec2.RunInstances",
        ])
    func aProcessPausedPastItsLeaseCannotWriteWhenItWakes(call: String) async throws {
        try await Scene.run(in: try await SharedCloud.shared.value) { scene in
            scene.gate.close(to: call)
            try await scene.signUp()
            try await eventually("the call") { scene.gate.waiting == 1 }
            scene.replica.signal(SIGSTOP)
            try await scene.replicas.add()
            try await eventually("another owner", within: .seconds(60)) { scene.gate.waiting == 2 }
            scene.gate.open()
            try await scene.awaitStatus("running")
            #expect(try await scene.brokenWhileRunning() == [])
            let before = try await scene.versions()
            scene.replica.signal(SIGCONT)
            try await eventually("the loss of the lease", within: .seconds(60)) {
                scene.replica.log.contains("lease")
            }
            // The rest of what it was about to do.
            try await Task.sleep(for: .seconds(1))
            #expect(try await scene.versions() == before)
            #expect(try await scene.brokenWhileRunning() == [])
        }
    }

    @Test(.timeLimit(.minutes(5))) func withoutNotificationsThePollFindsTheWork() async throws {
        try await Scene.run(in: try await SharedCloud.shared.value) { scene in
            scene.commits.mute()
            try await scene.replicas.add()
            try await scene.provision()
            try await Story.redeploy.act(scene)
            let credential = try await scene.credential()
            try await Story.teardown.act(scene)
            #expect(try await scene.brokenAfterDelete(credential: credential) == [])
        }
    }

    @Test(.timeLimit(.minutes(5))) func sessionsThatListenMayBeEndedAgainAndAgain() async throws {
        try await Scene.run(in: try await SharedCloud.shared.value) { scene in
            let ending = Task {
                while !Task.isCancelled {
                    try await scene.database.pool.execute(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE query LIKE 'LISTEN%' AND datname = current_database()
                        """)
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            try await scene.provision()
            ending.cancel()
            #expect(try await scene.brokenWhileRunning() == [])
        }
    }

    @Test(.timeLimit(.minutes(30)))
    func aDatabaseThatRestartsAgainAndAgainDelaysAndHarmsNothing() async throws {
        let (count, pause) = Matrix.isFull ? (200, Duration.seconds(20)) : (30, .seconds(1))
        let cluster = try await PrivateCluster()
        let restarts = try await Scene.run(
            in: try await SharedCloud.shared.value, ["CP_LEASE_SECONDS": "4"], cluster: cluster
        ) { scene in
            for _ in 0..<2 { try await scene.replicas.add() }
            let slugs = scene.slugs(count)
            let restarting = Task {
                var restarts = 0
                while !Task.isCancelled {
                    try await cluster.restart(crashing: restarts % 2 == 1)
                    restarts += 1
                    try? await Task.sleep(for: pause)
                }
                return restarts
            }
            for slug in slugs { try await scene.signUp(slug) }
            try await eventually("all to run", within: .seconds(20 * 60)) {
                try await scene.running() == count
            }
            restarting.cancel()
            let restarts = try await restarting.value
            #expect(try await scene.broken(slugs) == [])
            return restarts
        }
        print("database restarts: \(count) provisionings ended right under \(restarts) restarts")
        #expect(restarts > 1)
        try await cluster.remove()
    }
}

extension Scene {
    func slugs(_ count: Int) -> [String] { (1...count).map { "\(slug)-\($0)" } }

    /// Who holds a lease.
    fileprivate func owners() async throws -> Set<String> {
        let rows = try await database.pool.query(
            "SELECT DISTINCT lease_owner FROM workflows WHERE lease_owner IS NOT NULL")
        return Set(try rows.map { try $0["lease_owner"] })
    }

    /// Seconds until the last lease of these runs out.
    fileprivate func longestLease(of owners: Set<String>) async throws -> Double {
        let rows = try await database.pool.query(
            """
            SELECT coalesce(extract(epoch FROM max(due_at) - now()), 0)::float8 AS seconds FROM workflows
            WHERE lease_owner = ANY(\(Array(owners)))
            """)
        return try rows[0]["seconds"]
    }

    fileprivate func running() async throws -> Int {
        // The database may be away just now.
        (try? await rows("orgs WHERE status = 'running'")) ?? 0
    }

    /// Every row that a run of a workflow writes, with the transaction that wrote it last.
    fileprivate func versions() async throws -> [String] {
        var all: [String] = []
        for table in ["orgs", "tenants", "resource_ledger", "workflow_steps", "workflows"] {
            let rows = try await database.pool.query(
                """
                SELECT concat(t.xmin, ' ', t.ctid, ' ', to_jsonb(t)) AS version
                FROM \(identifier: table) t ORDER BY 1
                """)
            all += try rows.map { try $0["version"] }
        }
        return all
    }

    /// Of many tenants: one of each for every one, and all run.
    fileprivate func broken(_ slugs: [String]) async throws -> [String] {
        try await eventually("all to run", within: Self.patience) { try await running() == slugs.count }
        try await awaitQuiet()
        var broken: [String] = []
        for slug in slugs {
            let rows = try await database.pool.query("SELECT id::text AS id FROM orgs WHERE slug = \(slug)")
            let held = try await cloud.holdings(org: try rows[0]["id"], slug: slug)
            if held.instances.map(\.state) != ["running"] || held.records.count != 1 {
                broken.append("\(slug): \(held)")
            }
        }
        let tunnels = try await cloud.holdings(org: "", slug: slug).tunnels.count
        if tunnels != slugs.count { broken.append("\(tunnels) tunnels for \(slugs.count) tenants") }
        if Set(trace.launches).count != slugs.count {
            broken.append("\(Set(trace.launches).count) client tokens")
        }
        let unrecorded = try await rows("resource_ledger WHERE state = 'intended'")
        if unrecorded > 0 { broken.append("\(unrecorded) intents without an end") }
        return broken
    }
}
