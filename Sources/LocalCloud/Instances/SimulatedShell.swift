/// As much of a shell as a simulated instance has: `echo`, `sleep`, `exit`, `true`, `false`, one a line.
enum SimulatedShell {
    /// The image of a `tenant-agent redeploy` command: the last word that is not an option.
    static func redeployedImage(_ text: String) -> String? {
        let words = text.split(whereSeparator: \.isWhitespace).map { word in
            word.filter { $0 != "'" && $0 != "\"" }
        }
        guard let verb = words.firstIndex(of: "redeploy"), verb > 0, words[verb - 1].hasSuffix("tenant-agent")
        else { return nil }
        let rest = words[(verb + 1)...]
        return rest.last { $0.contains("@sha256:") } ?? rest.last { $0.contains("/") } ?? rest.last
    }

    /// Whether it is the command `tenant-agent refresh`.
    static func isRefresh(_ text: String) -> Bool {
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.count == 2 && words[0].hasSuffix("tenant-agent") && words[1] == "refresh"
    }

    static func run(_ script: ShellScript) async -> ScriptResult {
        var output = ""
        var status = 0
        var left = script.timeout
        for line in script.text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            let argument = words.count > 1 ? words[1] : ""
            switch words.first {
            case "echo": output += argument.filter { $0 != "'" && $0 != "\"" } + "\n"
            case "true", nil: status = 0
            // What cloud-init keeps of the user-data; a simulated instance has booted by it already.
            case "bash" where argument == "/var/lib/cloud/instance/user-data.txt": status = 0
            case "false": status = 1
            case "exit":
                return ScriptResult(ending: .exited, exitCode: Int(argument) ?? 0, output: output, error: "")
            case "sleep":
                let pause = Duration.seconds(Double(argument) ?? 0)
                try? await Task.sleep(for: min(pause, left))
                if pause >= left {
                    return ScriptResult(ending: .timedOut, exitCode: -1, output: output, error: "")
                }
                left -= pause
            case let word?:
                return ScriptResult(
                    ending: .exited, exitCode: 127, output: output, error: "sh: 1: \(word): not found\n")
            }
        }
        return ScriptResult(ending: .exited, exitCode: status, output: output, error: "")
    }
}
