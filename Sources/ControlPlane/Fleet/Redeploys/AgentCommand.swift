/// The commands that the platform sends to an instance over SSM. None carries a secret: SSM keeps them.
enum AgentCommand {
    static let agent = "/usr/local/bin/tenant-agent"

    /// The user-data as cloud-init keeps it on the instance.
    static let userData = line(["bash", "/var/lib/cloud/instance/user-data.txt"])

    /// Also makes an adopted instance enrol again.
    static let refresh = line([agent, "refresh"])

    /// Answers with a `HealthObservation`.
    static let observe = line([agent, "observe"])

    /// Answers with a `RedeployReport`.
    /// - Parameter id: under the same one an instance redeploys once, however often it is told to.
    static func redeploy(_ replacement: Replacement, id: String, isDryRun: Bool = false) -> String {
        var words = [agent, "redeploy"]
        if let image = replacement.image {
            words += ["--image", image, "--service", replacement.service.rawValue]
        } else {
            words.append("--refresh")
        }
        words += ["--deadline", "\(replacement.healthSeconds)", "--drain", "\(replacement.drainSeconds)"]
        words += ["--id", id]
        return line(isDryRun ? words + ["--dry-run"] : words)
    }

    static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

    /// One word for a POSIX shell, whatever it holds.
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/:@._-=+,".utf8.contains(byte)
            }
        }
        return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
