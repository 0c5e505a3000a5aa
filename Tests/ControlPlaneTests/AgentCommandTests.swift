import Foundation
import Testing

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

@Suite struct AgentCommandTests {
    /// A real shell is the judge: every word must come out as it went in.
    @Test func everyWordSurvivesAShell() throws {
        let words = [
            "plain", "", "two words", "it's", "'", "''", "\"quoted\"", "$HOME", "`id`", "$(id)", "a;b",
            "a&&b",
            "back\\slash", "new\nline", "ünï", "*", "~", "-n", "x=y", "a'b'c\"d",
        ]
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", "for word in \(AgentCommand.line(words)); do printf '%s\\0' \"$word\"; done",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let received = String(decoding: data, as: UTF8.self).split(
            separator: "\0", omittingEmptySubsequences: false)
        #expect(received.dropLast().map(String.init) == words)
    }

    @Test func redeployNamesTheImageByDigestAndNoSecret() {
        let image = "10.77.0.1:5000/molecule-tenant@sha256:" + String(repeating: "b", count: 64)
        var replacement = Replacement(service: .tenant, image: image, healthSeconds: 90, drainSeconds: 30)
        let agent = "/usr/local/bin/tenant-agent"
        #expect(
            AgentCommand.redeploy(replacement, id: "r-1")
                == "\(agent) redeploy --image \(image) --service tenant --deadline 90 --drain 30 --id r-1")
        replacement.image = nil
        #expect(
            AgentCommand.redeploy(replacement, id: "r-1", isDryRun: true)
                == "\(agent) redeploy --refresh --deadline 90 --drain 30 --id r-1 --dry-run")
    }
}
