import Foundation
import TestSupport
import Testing

extension LocalStack {
    /// The tenant's containers on its instance, as its own daemon shows them.
    func inspections(on instance: String) async throws -> [[String: Any]] {
        let text = try await inside(instance, "docker inspect $(docker ps -aq)")
        let start = try #require(text.firstIndex(of: "["))
        return try #require(
            try JSONSerialization.jsonObject(with: Data(text[start...].utf8)) as? [[String: Any]])
    }
}

extension JourneyTests {
    /// Users, capabilities, mounts and secrets of the containers, of which each redeploy has made new ones.
    func expectConfined(_ instance: String) async throws {
        let secrets = try await stack.tenantSecrets(in: instance)
        let containers = try await stack.inspections(on: instance)
        #expect(containers.count == 6)
        for container in containers {
            let name = container["Name"] as? String ?? ""
            let config = container["Config"] as? [String: Any] ?? [:]
            let host = container["HostConfig"] as? [String: Any] ?? [:]
            let user = config["User"] as? String ?? ""
            #expect(user.wholeMatch(of: #/[1-9]\d*:[1-9]\d*/#) != nil, "\(name): \(user)")
            #expect(host["CapDrop"] as? [String] == ["ALL"], "\(name)")
            #expect(host["SecurityOpt"] as? [String] == ["no-new-privileges"], "\(name)")
            #expect(host["Privileged"] as? Bool == false && host["PidMode"] as? String == "", "\(name)")
            let writable = (host["Binds"] as? [String] ?? []).filter {
                $0.hasPrefix("/") && !$0.hasSuffix(":ro")
            }
            #expect(
                writable == (name == "/molecule-tenant" ? ["/var/lib/molecule/tenant:/var/lib/molecule"] : [])
            )
            let pid = (container["State"] as? [String: Any])?["Pid"] as? Int ?? 0
            let status = try await stack.inside(instance, "cat /proc/\(pid)/status")
            #expect(
                status.contains("CapEff:\t0000000000000000") && status.contains("CapBnd:\t0000000000000000"))
            #expect(status.contains("NoNewPrivs:\t1"), "\(name)")
            // Also what a program of the container was started with.
            let environment = try await stack.inside(instance, "tr '\\0' '\\n' </proc/\(pid)/environ")
            #expect(findings(of: secrets, in: [name: environment]) == [])
        }
        let files = try await stack.inside(
            instance, "find /var/lib/molecule/secrets -mindepth 2 ! '(' -type f -perm 0400 ! -uid 0 ')'")
        #expect(files.isEmpty, "\(files)")
    }

    /// Links and FIFOs in place of what the agent looks at; then usage goes on as before.
    func expectAttackSurvived(_ instance: String, _ org: String) async throws {
        let before = try await stack.inside(instance, "ls -la /etc/logrotate.d; cat /etc/shadow")
        let traps = """
            cd "$(ls -d /var/lib/molecule/tenant/spool/usage/*-*/ | head -n 1)" &&
            rm -rf progress refused && mkfifo progress && ln -s /etc/logrotate.d refused &&
            ln -s /etc/shadow 000000000090.log && mkfifo 000000000091.log &&
            ln -s /etc ../11111111-1111-4111-8111-111111111111 &&
            mkfifo ../22222222-2222-4222-8222-222222222222 ../last-error &&
            chown -hR 10001:10001 ..
            """
        try await stack.inside(instance, traps)
        let begin = ContinuousClock.now
        let status = try await stack.inside(instance, "timeout 20 tenant-agent status")
        #expect(status.contains("healthy\tmolecule-tenant") && ContinuousClock.now - begin < .seconds(15))
        try await expectUsageSent(instance, org, acknowledged: 2)
        #expect(try await stack.inside(instance, "ls -la /etc/logrotate.d; cat /etc/shadow") == before)
        try await stack.inside(
            instance,
            "cd /var/lib/molecule/tenant/spool/usage && rm -rf [12]*-*-4111-* [12]*-*-4222-* last-error")
    }
}
