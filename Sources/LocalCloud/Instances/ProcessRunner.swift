import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Runs programs of the host and keeps a bounded part of what they print.
enum ProcessRunner {
    struct Result: Sendable {
        var status: Int
        var output: String
        var error: String
    }

    /// Bytes kept of each stream; the rest is read and thrown away.
    static let keptBytes = 256 * 1024

    /// - Parameter program: found in PATH.
    static func run(_ program: String, _ arguments: [String]) async throws -> Result {
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), input: .none, output: .sequence, error: .sequence
        ) { execution in
            async let output = collect(execution.standardOutput)
            async let error = collect(execution.standardError)
            return try await (output, error)
        }
        let (output, error) = result.closureResult
        let status: Int =
            switch result.terminationStatus {
            case .exited(let code): Int(code)
            case .signaled(let signal): 128 + Int(signal)
            }
        return Result(status: status, output: output, error: error)
    }

    /// Like `run`, and throws what the program said when it failed.
    @discardableResult
    static func check(_ program: String, _ arguments: [String]) async throws -> String {
        let result = try await run(program, arguments)
        guard result.status == 0 else {
            let verb = arguments.prefix(2).joined(separator: " ")
            throw DriverError(description: "\(program) \(verb) failed: \(result.error.prefix(500))")
        }
        return result.output
    }

    private static func collect(_ sequence: SubprocessOutputSequence) async throws -> String {
        var kept: [UInt8] = []
        for try await buffer in sequence where kept.count < keptBytes {
            buffer.withUnsafeBytes { kept.append(contentsOf: $0.prefix(keptBytes - kept.count)) }
        }
        return String(decoding: kept, as: UTF8.self)
    }
}
