import Foundation
import Postgres
import TestSupport

/// What one version of the control plane says to its database, and the rows that it left there.
///
/// One file for each schema that was ever released, so that a later schema can be tried with the statements
/// of the version that still runs while the new one is rolled out.
struct QuerySet: Codable, Sendable {
    struct Query: Codable, Sendable {
        var statement: Statement
        /// Of the last time it ran; null is NULL.
        var parameters: [String?]
    }

    struct Row: Codable, Sendable {
        var table: String
        /// The row as JSON.
        var values: String
    }

    /// Of the newest migration that the version knows, as `0002`.
    var schema: String
    var queries: [Query]
    var rows: [Row]

    static let folder = "\(packageRoot)/Tests/ResilienceTests/Queries"

    static func all() throws -> [QuerySet] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }.sorted()
            .map { name in
                let data = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
                return try JSONDecoder().decode(QuerySet.self, from: data)
            }
    }

    func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        try encoder.encode(self).write(to: URL(filePath: "\(Self.folder)/\(schema).json"))
    }

    /// Everything that a version does: a tenant's life, every route, a failure, a lost call, a shutdown.
    static func record(in cloud: SharedCloud) async throws -> QuerySet {
        let living = try await Scene.run(in: cloud) { scene in
            try await scene.everyRoute()
            return try await (scene.commits.ranStatements, scene.allRows())
        }
        // Its instance calls nobody.
        let unheard = ["CP_PUBLIC_URL": "http://127.0.0.1:9", "DEADLINE_ENROLMENT_SECONDS": "5"]
        let failing = try await Scene.run(in: cloud, unheard) { scene in
            try await scene.failAfterRestart()
            return scene.commits.ranStatements
        }
        let deleting = try await Scene.run(in: cloud) { scene in
            try await scene.provision()
            for _ in 0..<2 { try await Story.teardown.act(scene) }
            return scene.commits.ranStatements
        }
        let rolling = try await Scene.run(in: cloud) { scene in
            _ = try await Story.rollback.prepare(scene)
            try await Story.rollback.act(scene)
            return scene.commits.ranStatements
        }
        // Parameters of the first scene, whose rows are kept, come before those of the others.
        let all = [failing, deleting, rolling].reduce(living.0) { $0.merging($1) { first, _ in first } }
        let applied = try Migrator(directory: "\(packageRoot)/migrations").migrations
        return QuerySet(
            schema: String(applied.last?.fileName.prefix(4) ?? "0000"),
            queries: all.map { Query(statement: $0.key, parameters: $0.value) }
                .sorted { $0.statement.text < $1.statement.text },
            rows: living.1)
    }
}

extension Scene {
    /// Leases are given back by a process that ends while a call of its hangs.
    fileprivate func failAfterRestart() async throws {
        trace.follow((Point(kind: .call, name: "registry.HEAD manifest", occurrence: 1), .fault(.silence)))
        try await signUp()
        try await eventually("the call") { trace.hit }
        try await ask("POST", "/cp/admin/orgs/\(slug)/canary", #"{"is_canary":true}"#)
        let first = replica.processIdentifier
        replica.signal(SIGTERM)
        try await eventually("another process") { replica.url != nil && replica.processIdentifier != first }
        try await awaitStatus("failed")
        try await awaitQuiet()
    }

    /// A call that hangs for seconds, so that leases are renewed and a failure is counted; then all routes.
    fileprivate func everyRoute() async throws {
        trace.follow((Point(kind: .call, name: "registry.HEAD manifest", occurrence: 1), .fault(.silence)))
        let credential = try await provision()
        _ = trace.end()
        let tenant = "/cp/admin/tenants/\(slug)"
        let org = "/cp/admin/orgs/\(slug)"
        let looks = [
            "/cp/admin/orgs", org, org + "/provision-status", tenant + "/diagnostics", tenant + "/console",
            tenant + "/why", tenant + "/redeploys", tenant + "/release", "/cp/admin/channels",
            "/cp/admin/rollouts", "/cp/admin/capacity", "/cp/admin/orphans", "/cp/admin/drift",
        ]
        for path in looks { try await ask("GET", path) }
        try await ask("PATCH", tenant + "/release", #"{"channel":"stable"}"#)
        try await ask("POST", "/cp/admin/reconcile", "{}")
        try await ask("POST", tenant + "/redeploy", #"{"target_tag":"v2","dry_run":true}"#)
        try await Story.redeploy.act(self)
        let redeploys = try await database.pool.query("SELECT id::text AS id FROM redeploys")
        try await ask("GET", tenant + "/redeploys/\(try redeploys[0]["id", as: String.self])")
        _ = try await isOpen(to: credential ?? "")
    }

    fileprivate func allRows() async throws -> [QuerySet.Row] {
        var all: [QuerySet.Row] = []
        let tables = try await database.pool.query(
            """
            SELECT table_name::text AS name FROM information_schema.tables
            WHERE table_schema = 'public' AND table_name <> 'schema_migrations' ORDER BY 1
            """)
        for table in try tables.map({ try $0["name", as: String.self] }) {
            let rows = try await database.pool.query(
                "SELECT to_jsonb(t)::text AS row FROM \(identifier: table) t")
            all += try rows.map { QuerySet.Row(table: table, values: try $0["row"]) }
        }
        return all
    }
}
