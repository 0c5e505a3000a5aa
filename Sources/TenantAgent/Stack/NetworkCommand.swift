import CNamespaces
import DurableFiles
import Glibc

/// A program that runs to its end inside another process's network.
struct NetworkCommand: Sendable {
    /// A process in that network; 0 for the agent's own.
    var pid: Int32

    /// - Parameters:
    ///   - words: the program's path and its arguments
    ///   - input: for its standard input; a pipe holds all of it
    /// - Returns: its exit status, and what it printed to standard output and standard error
    func run(_ words: [String], input: String = "") async throws -> (status: Int32, output: String) {
        precondition(input.utf8.count <= Self.maximumInputBytes)
        return try await withCheckedThrowingContinuation { continuation in
            // A thread of its own: the namespace is a thread's, a child takes it over, and it ends with it.
            startThread {
                continuation.resume(
                    with: Result {
                        guard enterNetwork(of: pid) else { throw SystemError("enter the network of \(pid)") }
                        return try spawn(words, Array(input.utf8))
                    })
            }
        }
    }

    /// Less than any pipe holds (pipe(7): a page at the least).
    static let maximumInputBytes = 4096

    private func spawn(_ words: [String], _ input: [UInt8]) throws -> (Int32, String) {
        let toChild = try makePipe()
        let fromChild = try makePipe()
        defer { for end in [toChild.read, fromChild.read] { close(end) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.read, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, fromChild.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, fromChild.write, STDERR_FILENO)
        var child = pid_t()
        let status = withArguments(words) { arguments in
            withArguments(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]) { environment in
                posix_spawn(&child, words[0], &actions, nil, arguments, environment)
            }
        }
        close(fromChild.write)
        _ = write(toChild.write, input, input.count)
        close(toChild.write)
        guard status == 0 else {
            errno = status
            throw SystemError("start \(words[0])")
        }
        let output = readAll(fromChild.read)
        return (exitStatus(of: child), output)
    }

    private func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe") }
        return (ends[0], ends[1])
    }

    private func readAll(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    /// As a shell gives it: 128 and the signal's number for one that was killed.
    private func exitStatus(of child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return -1 }
        }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}

private func withArguments<Result>(
    _ words: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = words.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies + [nil])
}
