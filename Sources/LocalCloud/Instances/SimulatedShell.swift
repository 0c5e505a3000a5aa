import Arithmetic

/// As much of a shell as a simulated instance has: `echo`, `sleep`, `exit`, `true`, `false`, one a line.
enum SimulatedShell {
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
                let pause = max(.zero, Duration.bounded(seconds: Double(argument) ?? 0))
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
