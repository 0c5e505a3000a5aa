import Glibc

/// An exclusive lock on a file, held until this is released or the process ends, however it ends.
package final class FileLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// nil when another holder has it.
    package static func acquireNow(_ path: String) throws -> FileLock? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return FileLock(descriptor: descriptor) }
        let busy = errno == EWOULDBLOCK
        let failure = SystemError("lock \(path)")
        close(descriptor)
        if busy { return nil }
        throw failure
    }

    /// Asks every 100 ms. nil when another holder kept it for all of `limit`.
    package static func acquire(_ path: String, waitingAtMost limit: Duration) async throws -> FileLock? {
        let deadline = ContinuousClock.now + limit
        while true {
            if let lock = try acquireNow(path) { return lock }
            if ContinuousClock.now >= deadline { return nil }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// For critical sections of microseconds, shared with the boot script.
    package static func withLock<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw SystemError("lock \(path)") }
        }
        return try body()
    }
}
