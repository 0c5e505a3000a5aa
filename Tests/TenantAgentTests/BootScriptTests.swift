import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private let template = try! String(contentsOfFile: "\(packageRoot)/userdata/boot.sh", encoding: .utf8)

private func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

private func render(declaration: [UInt8], token: String, agent: String) -> String {
    template.replacing("@DECLARATION_BASE64@", with: base64(declaration))
        .replacing("@BOOT_TOKEN_BASE64@", with: base64(Array(token.utf8)))
        .replacing("@AGENT_BASE64@", with: base64(Array(agent.utf8)))
}

@Test func theLargestScriptFitsIntoUserData() throws {
    // The worst that JSON makes of a character of these values: `/` and a line's end take two.
    func text(_ count: Int, _ end: String) -> String {
        String(repeating: "a", count: count - 20) + String(repeating: end, count: 20)
    }
    let image = text(Declaration.maximumImageReferenceLength, "/")
    let url = text(Declaration.maximumURLLength, "/")
    let authority = String(repeating: String(repeating: "A", count: 63) + "\n", count: 32)
    #expect(authority.count == Declaration.maximumCertificateAuthorityLength)
    let declaration = Declaration(
        orgID: exampleOrg, orgSlug: String(repeating: "s", count: 32),
        platform: .init(controlPlaneURL: url, tenantURL: url, certificateAuthority: authority),
        stack: .init(postgres: image, redis: image, memoryPlugin: image, tenant: image, cloudflared: image))
    let agent = #"{"url":""# + url + #"","sha256":""# + String(repeating: "0", count: 64) + #""}"#
    let encoder = JSONEncoder()
    let script = render(
        declaration: Array(try encoder.encode(declaration)), token: String(repeating: "t", count: 64),
        agent: agent)
    #expect(script.utf8.count <= 16_384)
    #expect(!script.contains("BASE64@"))
}

private let mayUnshare = geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/unshare")

/// The script under bash, with its own /etc, /var/lib and /usr/local/bin laid over the machine's, and with
/// `docker` and `systemctl` that only answer.
@Suite(.enabled(if: mayUnshare, "needs root and unshare(1): the script writes below /etc"))
struct BootScriptTests {
    private static let wrapper = #"""
        set -e
        mkdir -p "$1/over"; mount -t tmpfs none "$1/over"
        for folder in /etc /var/lib /usr/local/bin; do
            name=${folder//\//_}; mkdir -p "$1/over/upper$name" "$1/over/work$name"
            layers="lowerdir=$folder,upperdir=$1/over/upper$name,workdir=$1/over/work$name"
            mount -t overlay none -o "$layers" "$folder"
        done
        printf '#!/bin/sh\nexit 0\n' >/usr/local/bin/docker
        printf '#!/bin/sh\necho systemctl "$@"\n' >/usr/local/bin/systemctl
        chmod +x /usr/local/bin/docker /usr/local/bin/systemctl
        test ! -e "$1/before.sh" || bash "$1/before.sh"
        for run in $(seq "$2"); do bash "$1/boot.sh" || echo "script failed: $?"; done
        cat /var/lib/molecule/spool 2>/dev/null | sed 's/^/spool: /'
        stat -c 'mode %a %n' /etc/molecule/* /var/lib/molecule/* /usr/local/bin/tenant-agent 2>/dev/null
        test ! -e /etc/molecule/declaration.json || cat /etc/molecule/declaration.json
        """#

    /// - Returns: what was printed
    private func run(
        _ folder: String, platform: String, digest: String, agentURL: String, times: Int = 1
    ) async throws -> String {
        let declaration = try encoded(exampleDeclaration(platform: platform))
        let agent = #"{"url":"\#(agentURL.replacing("/", with: "\\/"))","sha256":"\#(digest)"}"#
        try render(declaration: declaration, token: "boot-token-canary", agent: agent)
            .write(toFile: "\(folder)/boot.sh", atomically: true, encoding: .utf8)
        try Self.wrapper.write(toFile: "\(folder)/wrap.sh", atomically: true, encoding: .utf8)
        return try await runCommand(
            "/usr/bin/unshare", ["--mount", "bash", "\(folder)/wrap.sh", folder, String(times)],
            within: .seconds(90)
        ).output
    }

    private let agentText = "agent"
    /// Of `agentText`.
    private let agentDigest = "d4f0bc5a29de06b510f9aa428f1eedba926012b591fef7a518e776a7c9bd1824"

    @Test func itReportsItsStagesFetchesTheAgentAndHandsOver() async throws {
        try await withTemporaryFolder { folder in
            let stub = try await ScriptedServer(
                folder: folder,
                [
                    "/cp/tenants/boot-event": [.init(status: 500), .init(status: 204)],
                    "/agent": [.init(status: 500), .init(status: 200, body: agentText)],
                ])
            let output = try await run(
                folder, platform: stub.url, digest: agentDigest, agentURL: stub.url + "/agent", times: 2)
            let events = try stub.events()
            let requests = try stub.requests()
            await stub.stop()
            let stages: [BootStage] = [.userdata, .userdata, .docker, .docker, .agentFetch, .agentFetch]
            #expect(events.map(\.stage) == stages + stages, "\(output)")
            #expect(events.map(\.sequence) == Array(1...12))
            #expect(
                events.map(\.outcome) == Array(repeating: [.started, .succeeded], count: 6).flatMap(\.self))
            #expect(requests.filter { $0.path == "/agent" }.count == 2, "the second run finds it in place")
            #expect(requests.first?.authorization == "Bearer boot-token-canary")
            #expect(requests.last { $0.path == "/agent" }?.authorization == "")
            #expect(output.contains("systemctl restart --no-block tenant-agent.service"))
            #expect(output.contains("mode 600 /etc/molecule/boot-token"))
            #expect(output.contains("mode 644 /etc/molecule/declaration.json"))
            #expect(output.contains("mode 755 /usr/local/bin/tenant-agent"))
            #expect(!output.contains("canary"), "the console shows no token")
        }
    }

    /// A volume comes back from a snapshot: the script runs on what the disk of another launch holds.
    @Test(arguments: [true, false])
    func whatTheDiskHoldsOfAnotherLaunchIsLeft(isOfThisLaunch: Bool) async throws {
        try await withTemporaryFolder { folder in
            let stub = try await ScriptedServer(
                folder: folder,
                [
                    "/cp/tenants/boot-event": [.init(status: 204)],
                    "/agent": [.init(status: 200, body: agentText)],
                ])
            let token = base64(Array((isOfThisLaunch ? "boot-token-canary" : "another-token").utf8))
            let before = """
                mkdir -p /etc/molecule /var/lib/molecule
                for file in /etc/molecule/{secrets,config}.json /var/lib/molecule/{enrolled,stack.json}; do
                    echo "{}" >$file && chmod 600 $file
                done
                echo "kept report" >/var/lib/molecule/spool
                sha256sum <<<'\(token)' >/var/lib/molecule/launch
                """
            try before.write(toFile: "\(folder)/before.sh", atomically: true, encoding: .utf8)
            let output = try await run(
                folder, platform: stub.url, digest: agentDigest, agentURL: stub.url + "/agent", times: 2)
            await stub.stop()
            for file in [
                "/etc/molecule/secrets.json", "/etc/molecule/config.json", "/var/lib/molecule/enrolled",
            ] {
                #expect(output.contains("mode 600 \(file)\n") == isOfThisLaunch, "\(output)")
            }
            #expect(output.contains("kept report") == isOfThisLaunch)
            let stops = output.components(separatedBy: "systemctl stop tenant-agent\n").count - 1
            #expect(stops == (isOfThisLaunch ? 0 : 1), "the second run is of the same launch")
            #expect(output.contains("mode 600 /var/lib/molecule/stack.json"), "what redeploys chose stays")
        }
    }

    @Test func anAgentOfAnotherDigestIsNeverInstalled() async throws {
        try await withTemporaryFolder { folder in
            let stub = try await ScriptedServer(
                folder: folder,
                [
                    "/cp/tenants/boot-event": [.init(status: 204)],
                    "/agent": [.init(status: 200, body: "another")],
                ])
            let output = try await run(
                folder, platform: stub.url, digest: agentDigest, agentURL: stub.url + "/agent")
            let events = try stub.events()
            await stub.stop()
            #expect(events.last?.stage == .agentFetch && events.last?.code == .checksumMismatch, "\(output)")
            #expect(output.contains("script failed: 1"))
            #expect(!output.contains("/usr/local/bin/tenant-agent\n"))
        }
    }

    @Test func anAbsentPlatformStopsNothingAndReportsAreKept() async throws {
        try await withTemporaryFolder { folder in
            let stub = try await ScriptedServer(
                folder: folder, ["/agent": [.init(status: 200, body: agentText)]])
            let output = try await run(
                folder, platform: "http://127.0.0.1:\(try freePort())", digest: agentDigest,
                agentURL: stub.url + "/agent")
            await stub.stop()
            #expect(output.contains("handed over to the agent"), "\(output)")
            let kept = output.split(separator: "\n").filter { $0.hasPrefix("spool: ") }
                .compactMap { try? JSONDecoder().decode(BootEvent.self, from: Data($0.dropFirst(7).utf8)) }
            #expect(kept.map(\.sequence) == Array(1...6))
        }
    }
}
