import Foundation

/// A program of Tests/oracles that serves until this is let go of, or the test process ends: its standard
/// input closes then. Its first line of output is JSON and says where it listens.
package final class OracleServer: Sendable {
    package let announcement: Data
    private let input: FileHandle

    /// - Parameter python: the interpreter; that of `Oracle.environment` for one that needs its packages.
    package init(_ program: String, _ arguments: [String] = [], python: String = "python3") throws {
        let process = Process()
        let (stdin, stdout) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, Oracle.repository + "/Tests/oracles/" + program] + arguments
        process.standardInput = stdin
        process.standardOutput = stdout
        try process.run()
        input = stdin.fileHandleForWriting
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let more = stdout.fileHandleForReading.availableData
            guard !more.isEmpty else { throw OracleFailed(program: program) }
            line += more
        }
        announcement = line
    }

    deinit { try? input.close() }
}
