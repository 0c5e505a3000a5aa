import Foundation
import Synchronization

/// A program started by a test. It ends with SIGTERM, then SIGKILL, when `stop` is called; call it in a
/// `defer`. Its output is collected. For one-shot commands use `runCommand`.
package final class ChildProcess: Sendable {
    package let processIdentifier: Int32
    private let process: Mutex<Process>
    private let output = Output()

    package var collectedOutput: String { output.text.withLock { $0 } }
    package var isRunning: Bool { process.withLock { $0.isRunning } }

    /// - Parameter environment: replaces the whole environment when given.
    package init(_ program: String, _ arguments: [String] = [], environment: [String: String]? = nil) throws {
        let child = Process()
        child.executableURL = URL(filePath: program)
        child.arguments = arguments
        if let environment { child.environment = environment }
        let pipe = Pipe()
        child.standardOutput = pipe
        child.standardError = pipe
        child.standardInput = FileHandle.nullDevice
        try runUnmasked(child)
        processIdentifier = child.processIdentifier
        process = Mutex(child)
        // A thread, and no readability handler: those of children that are killed by the dozen have taken the
        // dispatch queue's event loop down with them.
        let descriptor = dup(pipe.fileHandleForReading.fileDescriptor)
        Thread.detachNewThread { [output] in output.collect(descriptor) }
        LivingChildren.add(self)
    }

    private final class Output: Sendable {
        let text = Mutex("")
        let isWhole = Mutex(false)

        /// Until every holder of the other end has closed it.
        func collect(_ descriptor: Int32) {
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                text.withLock { $0 += String(decoding: buffer[..<count], as: UTF8.self) }
            }
            close(descriptor)
            isWhole.withLock { $0 = true }
        }
    }

    /// Waits for the last of the output, which may come after the exit; not for long, as a process that the
    /// child left behind may hold the other end.
    fileprivate func waitForWholeOutput() async {
        try? await eventually("the end of the output", within: .seconds(5)) {
            self.output.isWhole.withLock { $0 }
        }
    }

    package func signal(_ number: Int32) { kill(processIdentifier, number) }

    /// Waits until the output holds `text`.
    package func waitForOutput(_ text: String, within limit: Duration = .seconds(60)) async throws {
        try await eventually("output with \"\(text)\"", within: limit) { self.collectedOutput.contains(text) }
    }

    /// Of a server whose first line of output is `port N`: the line may come in pieces.
    package func announcedPort() async throws -> Int {
        try await waitForOutput("\n")
        let line = collectedOutput.prefix { $0 != "\n" }
        guard let port = line.wholeMatch(of: #/port (\d+)/#).flatMap({ Int($0.1) }) else {
            throw TestSupportError("no port is announced: \(line)")
        }
        return port
    }

    /// - Returns: the exit status, or the negative number of the signal that ended it.
    @discardableResult
    package func wait(within limit: Duration = .seconds(60)) async throws -> Int32 {
        try await eventually("the end of the process", within: limit) { !self.isRunning }
        return process.withLock { child in
            child.terminationReason == .exit ? child.terminationStatus : -child.terminationStatus
        }
    }

    package func stop() async {
        guard isRunning else { return }
        signal(SIGTERM)
        if (try? await wait(within: .seconds(10))) == nil {
            signal(SIGKILL)
            _ = try? await wait()
        }
    }
}

/// Runs a command to its end.
/// - Returns: its exit status and what it printed.
package func runCommand(
    _ program: String, _ arguments: [String] = [], environment: [String: String]? = nil,
    within limit: Duration = .seconds(60)
) async throws -> (status: Int32, output: String) {
    let child = try ChildProcess(program, arguments, environment: environment)
    do {
        let status = try await child.wait(within: limit)
        await child.waitForWholeOutput()
        return (status, child.collectedOutput)
    } catch {
        await child.stop()
        throw error
    }
}

/// Looks every 20 ms until `condition` holds; throws after `limit`.
package func eventually(
    _ what: String, within limit: Duration = .seconds(60), isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw TestSupportError("waited \(limit) for \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Children that are shared by a whole test run have nobody to stop them: they end with it.
private enum LivingChildren {
    private struct Entry: Sendable { weak let child: ChildProcess? }

    private static let entries = Mutex<[Entry]>([])
    private static let atEnd: Void = {
        atexit { LivingChildren.endAll() }
    }()

    static func add(_ child: ChildProcess) {
        _ = atEnd
        entries.withLock { $0 = $0.filter { $0.child != nil } + [Entry(child: child)] }
    }

    private static func endAll() {
        for child in entries.withLock({ $0.compactMap(\.child) }) where child.isRunning {
            child.signal(SIGTERM)
        }
    }
}
