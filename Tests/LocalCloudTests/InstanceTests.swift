import Foundation
import TestSupport
import Testing

/// Simulated instances from launch to termination, and what is around them.
@Suite struct InstanceTests {
    @Test func bootsEnrolsAnswersThroughTheEdgeAndLeavesNothing() async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_instance.py", "boot") }
    }

    @Test func reportsTheStageThatWasToldToFail() async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_instance.py", "failing_boot") }
    }

    @Test func servesMetadataToItsInstancesOnly() async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_instance.py", "metadata") }
    }

    @Test func carriesRequestsAndUpgradesThroughARealConnector() async throws {
        try await RunningCloud.with {
            try await $0.judge("localcloud_instance.py", "connector", builtProduct("tunnel-connector"))
        }
    }

    @Test func endsAtOnceOnSIGTERM() async throws {
        try await RunningCloud.with { cloud in
            cloud.process.signal(SIGTERM)
            let status = try await cloud.process.wait()
            #expect(status == 0)
        }
    }

    @Test func endsOnSIGTERMWhileAConnectorIsRegistered() async throws {
        try await RunningCloud.with { cloud in
            try await cloud.judge(
                "localcloud_instance.py", "leave_connector", builtProduct("tunnel-connector"),
                cloud.folder + "/connector.pid")
            let text = try String(contentsOfFile: cloud.folder + "/connector.pid", encoding: .utf8)
            let connector = try #require(Int32(text))
            defer { kill(connector, SIGKILL) }
            cloud.process.signal(SIGTERM)
            #expect(try await cloud.process.wait() == 0)
        }
    }

    @Test func namesAPortThatIsTaken() async throws {
        try await RunningCloud.with { first in
            let second = try await runCommand(
                builtProduct("localcloud"),
                [
                    "serve", "--driver", "simulated", "--port-base", "0", "--folder", first.folder,
                    "--edge-port", String(first.ready.ports.edge),
                ], environment: RunningCloud.credentials)
            #expect(second.status != 0)
            #expect(second.output.contains("127.0.0.1:\(first.ready.ports.edge)"))
        }
    }

    @Test func namesEveryCredentialThatIsMissing() async throws {
        let (status, output) = try await runCommand(
            builtProduct("localcloud"), ["serve", "--driver", "simulated", "--port-base", "0"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(status != 0)
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CLOUDFLARE_API_TOKEN"] {
            #expect(output.contains(name))
        }
    }

    @Test func thePlatformFrontForwardsOverTLS() async throws {
        try await RunningCloud.with { behind in
            try await RunningCloud.with("--control-plane", "127.0.0.1:\(behind.ready.ports.aws)") { cloud in
                let port = try #require(cloud.ready.ports.front)
                let answer = try await runCommand(
                    "/usr/bin/curl",
                    [
                        "-sS", "--cacert", cloud.ready.caFile, "https://127.0.0.1:\(port)/_localcloud/state",
                        "https://127.0.0.1:\(port)/_localcloud/state",
                    ])
                #expect(answer.status == 0)
                #expect(answer.output.contains("\"instances\":[]"))
            }
        }
    }

    @Test func servesArtifactsAndNothingElse() async throws {
        try await RunningCloud.with { cloud in
            let base = cloud.ready.artifactsURL
            func status(_ path: String) async throws -> String {
                try await runCommand(
                    "/usr/bin/curl",
                    ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is", base + path]
                ).output
            }
            for (path, expected) in [
                ("/ca.pem", "200"), ("/../../etc/passwd", "404"), ("/%2e%2e/x", "404"), ("/", "404"),
            ] {
                let answer = try await status(path)
                #expect(answer == expected, "\(path)")
            }
        }
    }
}
