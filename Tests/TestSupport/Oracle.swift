import Foundation

/// The Python programs in Tests/oracles: independent implementations that judge ours.
package enum Oracle {
    package static let repository: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.path
    }()

    /// Folder of the virtual environment that `scripts/python-venv` makes; made now where it is missing.
    package static let environment: Result<String, any Error> = Result {
        let output = try run(repository + "/scripts/python-venv", [], input: nil)
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Sends each job to a program as one line of JSON, and reads one line of JSON for each. Names of
    /// fields are snake_case over there.
    package static func ask<Job: Encodable, Answer: Decodable>(
        _ program: String, _ jobs: [Job], as: Answer.Type
    ) throws -> [Answer] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let lines = try jobs.map { try encoder.encode($0) + Data("\n".utf8) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(
            "oracle-\(UUID().uuidString)")
        try Data(lines.joined()).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let python = try environment.get() + "/bin/python"
        let output = try run(python, [repository + "/Tests/oracles/" + program], input: file)
        return try output.split(separator: UInt8(ascii: "\n")).map {
            try decoder.decode(Answer.self, from: $0)
        }
    }

    private static func run(_ program: String, _ arguments: [String], input: URL?) throws -> Data {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw OracleFailed(program: program) }
        return data
    }
}

package struct OracleFailed: Error {
    package let program: String
}
