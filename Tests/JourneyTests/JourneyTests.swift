import Foundation
import TestSupport
import Testing

/// The journey of a tenant, on a real instance. One at a time: they count in the whole account.
@Suite(
    .serialized,
    .enabled(
        if: LocalStack.shared != nil, "no local stack runs: make test brings one up, and so does make up"))
struct JourneyTests {
    let stack: LocalStack

    init() throws { stack = try #require(LocalStack.shared) }

    @Test(.timeLimit(.minutes(10)))
    func tenantIsBornUpdatedRolledBackAndRemovedWithoutATrace() async throws {
        let slug = "journey-\(UInt16.random(in: 1000...9999))"
        let hunt = SecretHunt()
        let watch = Task { await hunt.watchArguments() }
        defer { watch.cancel() }
        let before = try await stack.traces()
        let others = try await stack.containers()
        let org = try await stack.create(slug)
        try await stack.awaitRunning(slug)
        let instance = try #require(try await stack.containers().first { !others.contains($0) })
        #expect(try await stack.traces() == before + .oneTenant)
        try await expectOwnHostname(slug, org)
        try await expectEveryStage(slug)
        try await expectRedeploys(slug, org)
        try await expectRotation(slug, org)
        try await expectUsageSent(instance, org)
        try await expectSuspensionKnown(slug)
        try await expectResized(slug, instance)
        try await expectSecretsKept(slug, instance, hunt)
        try await expectRemoval(slug)
        #expect(try await stack.traces() == before)
    }

    private func expectOwnHostname(_ slug: String, _ org: String) async throws {
        let health = try await stack.tenant(slug, "/health")
        #expect(health.status == 200)
        let checks = health.json["checks"] as? [String: String] ?? [:]
        #expect(Set(checks.keys) == ["postgres", "pgvector", "redis", "memory-plugin"])
        #expect(checks.values.allSatisfy { $0 == "ok" })
        // TenantGuard: nothing but health for who does not name the organisation.
        #expect(try await stack.tenant(slug, "/version").status == 404)
        #expect(try await stack.tenant(slug, "/version", org: UUID().uuidString.lowercased()).status == 404)
        #expect(
            try await stack.tenant(slug, "/version", org: org)["image_digest"] == stack["DIGEST_TENANT_V1"])
    }

    private func expectEveryStage(_ slug: String) async throws {
        let status = try await stack.platform("GET", "/cp/admin/orgs/\(slug)/provision-status")
        let stages = status.json["stages"] as? [[String: Any]] ?? []
        #expect(
            stages.compactMap { $0["stage"] as? String } == [
                "userdata", "docker", "agent_fetch", "enrolment", "images", "postgres", "redis",
                "memory_plugin",
                "tenant", "tunnel", "complete",
            ])
        #expect(stages.allSatisfy { $0["outcome"] as? String == "succeeded" })
        let token = try await stack.platform("GET", "/cp/admin/orgs/\(slug)/admin-token")
        #expect(token.status == 200 && token["admin_token"]?.isEmpty == false)
    }

    private func expectRedeploys(_ slug: String, _ org: String) async throws {
        let updated = try await stack.redeploy(slug, to: "v2")
        #expect(updated["phase"] == "updated")
        #expect(updated["previous_digest"] == stack["DIGEST_TENANT_V1"])
        #expect(updated["digest"] == stack["DIGEST_TENANT_V2"])
        #expect(
            try await stack.tenant(slug, "/version", org: org)["image_digest"] == stack["DIGEST_TENANT_V2"])

        let broken = try await stack.redeploy(slug, to: "broken")
        #expect(broken["phase"] == "rolled_back")
        #expect(broken["error"]?.isEmpty == false)

        let missing = try await stack.platform(
            "POST", "/cp/admin/tenants/\(slug)/redeploy", ["target_tag": "no-such-tag"])
        #expect(missing.status == 422 && missing["code"] == "image_not_found")

        #expect(
            try await stack.tenant(slug, "/version", org: org)["image_digest"] == stack["DIGEST_TENANT_V2"])
        try await stack.expectHealthy(slug)
    }

    /// Another admin token, fetched by the real agent: the tenant serves on, and the old one opens nothing.
    private func expectRotation(_ slug: String, _ org: String) async throws {
        let path = "/cp/admin/orgs/\(slug)/admin-token"
        let old = try #require(try await stack.platform("GET", path)["admin_token"])
        let begun = try await stack.platform("POST", "/cp/admin/tenants/\(slug)/rotate-credentials", [:])
        #expect(begun.status == 202, "\(begun.json)")
        var new = old
        try await eventually("the next token to be in use", within: .seconds(120)) {
            new = try await stack.platform("GET", path)["admin_token"] ?? old
            return new != old
        }
        #expect(try await stack.asTenant("/cp/tenants/config", token: old, org: org).status == 401)
        #expect(try await stack.asTenant("/cp/tenants/config", token: new, org: org).status == 200)
        try await stack.expectHealthy(slug)
        #expect(
            try await stack.tenant(slug, "/version", org: org)["image_digest"] == stack["DIGEST_TENANT_V2"])
    }

    /// Recorded by molecule-tenant, and taken from its disk by the agent for the platform.
    private func expectUsageSent(_ instance: String, _ org: String) async throws {
        let workspace = "0199c0de-0000-7000-8000-0000000000a1"
        let event = #"{"workspace_id":"\#(workspace)","model":"m","provider":"p","input_tokens":3}"#
        let url = "http://127.0.0.1:8080/internal/llm-usage"
        let answer = try await stack.inside(
            instance, "curl -s -H 'X-Molecule-Org-Id: \(org)' -d '\(event)' \(url)")
        #expect(answer.contains(#""id":""#), "\(answer)")
        try await eventually("the platform to take it", within: .seconds(60)) {
            try await stack.inside(instance, "cat /var/lib/molecule/delivery/usage/*.json; true")
                .contains(#""acknowledged":1"#)
        }
    }

    private func expectSuspensionKnown(_ slug: String) async throws {
        for (verb, gauge) in [("suspend", "1"), ("resume", "0")] {
            let path = "/cp/admin/orgs/\(slug)/\(verb)"
            #expect(try await stack.platform("POST", path, [:]).status == 200)
            try await eventually("the tenant to know") {
                try await stack.tenantMetrics(slug).contains("molecule_tenant_suspended \(gauge)")
            }
        }
    }

    /// Stopped, changed and started: the same instance with more memory, which has come up by itself.
    private func expectResized(_ slug: String, _ container: String) async throws {
        let path = "/cp/admin/tenants/\(slug)/instance-type"
        let ordered = try await stack.platform(
            "POST", path, json: #"{"instance_type":"t3.large","now":true}"#)
        #expect(ordered.status == 202, "\(ordered.json)")
        try await eventually("\(slug) to run as another type", within: .seconds(240)) {
            let resize = try await stack.platform("GET", path).json["resize"] as? [String: Any]
            let phase = resize?["phase"] as? String
            #expect(phase != "kept" && phase != "failed", "\(resize ?? [:])")
            return phase == "changed"
        }
        let memory = try await stack.docker("inspect", "-f", "{{.HostConfig.Memory}}", container)
        #expect(memory.contains("\(8_192 * 1_048_576)"))
        try await stack.expectHealthy(slug)
    }

    private func expectSecretsKept(_ slug: String, _ container: String, _ hunt: SecretHunt) async throws {
        let tenant = try await stack.tenantSecrets(in: container)
        #expect(tenant.count >= 4)
        var places = try stack.logs()
        places["argument lists"] = hunt.arguments
        places["user-data"] = try await stack.docker(
            "exec", container, "cat", "/var/lib/cloud/instance/user-data.txt")
        places["docker inspect"] = try await stack.docker("inspect", container)
        places["SSM commands"] = try await stack.ssmHistory()
        places["EC2"] = try await stack.ec2("Action=DescribeInstances&Version=2016-11-15")
        places["the console"] =
            try await stack.platform("GET", "/cp/admin/tenants/\(slug)/console")["output"] ?? ""
        places["database"] = try await stack.postgres("pg_dump", "--data-only", "--inserts")
        #expect(places["database"]?.contains(slug) == true)
        #expect(places["user-data"]?.contains("molecule") == true)
        #expect(places["argument lists"]?.contains("tenant-agent") == true)
        #expect(findings(of: tenant.merging(stack.platformSecrets) { $1 }, in: places) == [])
    }

    private func expectRemoval(_ slug: String) async throws {
        let refused = try await stack.platform("DELETE", "/cp/admin/tenants/\(slug)", ["confirm": "other"])
        #expect(refused.status == 400)
        try await stack.expectHealthy(slug)
        try await stack.delete(slug)
        let orgs = try await stack.platform("GET", "/cp/admin/orgs").json["orgs"] as? [[String: Any]] ?? []
        #expect(!orgs.contains { $0["slug"] as? String == slug && $0["status"] as? String != "purged" })
    }
}
