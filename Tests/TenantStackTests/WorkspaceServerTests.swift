import CurlHTTP
import Foundation
import TestSupport
import Testing

private let org = "11111111-2222-4333-8444-555555555555"

/// What the server needs at the least: it starts whether or not anything is there.
private func bareEnvironment() throws -> [String: String] {
    let nowhere = "127.0.0.1:\(try freePort())"
    return [
        "DATABASE_URL": "postgresql://\(nowhere)/none", "REDIS_URL": "redis://\(nowhere)",
        "MEMORY_PLUGIN_URL": "http://\(nowhere)", "IMAGE_VERSION": "v7", "MOLECULE_IMAGE_DIGEST": "sha256:77",
    ]
}

private func withServer(
    _ environment: [String: String], _ body: (StackProgram) async throws -> Void
) async throws {
    let server = try StackProgram.workspaceServer(environment)
    do {
        try await eventually("an answer", within: .seconds(30)) {
            (try? await server.send("GET", "/metrics").status) == 200
        }
        try await body(server)
    } catch {
        await server.process.stop()
        throw error
    }
    await server.process.stop()
}

@Test func withAnOrgOnlyRequestsThatNameItGetIn() async throws {
    try await withServer(try bareEnvironment().merging(["MOLECULE_ORG_ID": org]) { _, new in new }) {
        server in
        #expect(try await server.send("GET", "/version").status == 404)
        #expect(try await server.send("GET", "/version", ["X-Molecule-Org-Id": "another"]).status == 404)
        let answer = try await server.send("GET", "/version", ["X-Molecule-Org-Id": org])
        #expect(answer.text == #"{"image_digest":"sha256:77","version":"v7"}"#)
        #expect(try await server.send("GET", "/health").status == 503)
        let refusal = try await server.send("GET", "/anything")
        #expect(refusal.status == 404 && refusal.header("Content-Type") == "application/problem+json")
    }
}

@Test func withoutAPlatformTheGuardIsOffAndPlatformPathsLeadNowhere() async throws {
    try await withServer(try bareEnvironment()) { server in
        let version = try await server.send("GET", "/version")
        let platform = try await server.send("GET", "/cp/auth/me")
        #expect(version.status == 200 && platform.status == 404)
    }
}

@Test func theAllowedPlatformPathsPassWithTheCallersOwnCredentialsOnly() async throws {
    try await withTemporaryFolder { folder in
        let platform = try await ScriptedServer(
            folder: folder,
            [
                "/cp/auth/me?x=1": [.init(status: 401, headers: ["Set-Cookie": "a=b"], body: "signed out")],
                "/cp/orgs": [.init(status: 200, body: "{}")], "/cp/admin/orgs": [.init(status: 200)],
            ])
        let environment = try bareEnvironment().merging([
            "MOLECULE_ORG_ID": org, "CP_UPSTREAM_URL": platform.url, "ADMIN_TOKEN": "admin-canary",
        ]) { _, new in new }
        try await withServer(environment) { server in
            let answer = try await server.send("GET", "/cp/auth/me?x=1", ["Cookie": "session=1"])
            #expect(answer.status == 401 && answer.text == "signed out")
            #expect(answer.header("Set-Cookie") == "a=b")
            #expect(try await server.send("POST", "/cp/orgs", [:], "{}").status == 200)
            for path in [
                "/cp/admin/orgs", "/cp/orgsx", "/cp/auth/%2e%2e/admin/orgs", "/cp/auth//x",
                "/cp/tenants/config",
                "/cp/", "/cp/billing",
            ] {
                #expect(
                    try await server.send("GET", path, ["X-Molecule-Org-Id": org]).status == 404, "\(path)")
            }
        }
        let requests = try platform.requests()
        await platform.stop()
        #expect(requests.map(\.path) == ["/cp/auth/me?x=1", "/cp/orgs"])
        #expect(requests.map(\.cookie) == ["session=1", ""])
        #expect(requests.allSatisfy { $0.authorization.isEmpty })
    }
}

@Test func settingsAreFetchedWithTheTenantsOwnCredentials() async throws {
    try await withTemporaryFolder { folder in
        let platform = try await ScriptedServer(
            folder: folder, ["/cp/tenants/config": [.init(status: 200, body: #"{"BILLING_STATE":"paid"}"#)]])
        let environment = try bareEnvironment().merging([
            "MOLECULE_ORG_ID": org, "MOLECULE_CP_URL": platform.url, "ADMIN_TOKEN": "admin",
        ]) { _, new in new }
        try await withServer(environment) { server in
            try await eventually("fetched settings") {
                try await server.send("GET", "/metrics").text.contains("settings_age_seconds")
            }
        }
        let request = try #require(try platform.requests("/cp/tenants/config").first)
        await platform.stop()
        #expect(request.authorization == "Bearer admin" && request.org == org)
    }
}

@Suite(.enabled(if: hasPgvector, needsPgvector))
struct WorkspaceHealthTests {
    @Test func healthIsGoodOnlyWhileEverythingAnswersAndNamesWhatDoesNot() async throws {
        let database = try await VectorDatabase()
        let plugin = try StackProgram.memoryPlugin(database.url)
        let redisPort = try freePort()
        let redis = try startRedis(redisPort)
        do {
            try await plugin.awaitStatus(200)
            try await withServer([
                "DATABASE_URL": database.url, "MEMORY_PLUGIN_URL": plugin.url,
                "REDIS_URL": "redis://:red%2Fis%20pass@127.0.0.1:\(redisPort)",
            ]) { server in
                try await server.awaitStatus(200)
                await redis.stop()
                try await server.awaitStatus(503)
                let checks = try json(try await server.send("GET", "/health"))["checks"] as? [String: String]
                #expect(
                    checks == [
                        "postgres": "ok", "pgvector": "ok", "memory-plugin": "ok", "redis": "unavailable",
                    ])
                let again = try startRedis(redisPort)
                try await server.awaitStatus(200)
                await again.stop()
            }
        } catch {
            Issue.record(error)
        }
        await redis.stop()
        await plugin.process.stop()
        await database.remove()
    }
}
