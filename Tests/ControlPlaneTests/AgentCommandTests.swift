import Foundation
import Testing

@testable import ControlPlane

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
        let command = AgentCommand.redeploy(image: image, deadlineSeconds: 90)
        #expect(command == "/usr/local/bin/tenant-agent redeploy --image \(image) --deadline 90")
    }
}
