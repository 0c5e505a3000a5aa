import CNamespaces
import Glibc

/// One question and its answer over TCP with 127.0.0.1 inside another process's network namespace: the
/// stack's services listen there, where neither the host's nor a workspace's connections arrive.
struct NetworkProbe: Sendable {
    /// A process in that network; 0 for the agent's own.
    var pid: Int32
    var port: UInt16
    var address = Address.loopback
    /// For connecting and for each read and write, in seconds.
    var timeoutSeconds = 3

    var maximumAnswerBytes = 16 << 10

    enum Address: UInt32, Sendable {
        /// As the services call each other: port 8080 leads to the slot that serves.
        case loopback = 0x7F00_0001
        /// Past the packet rules: each port is the slot itself.
        case slots = 0x7F00_0002
    }

    /// The status of `GET path`; nil when there is no answer.
    func httpStatus(_ path: String) async -> Int? {
        let question = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
        // The first line is enough: a server that keeps the connection open would cost the whole timeout.
        guard let answer = await ask(question, until: { $0.contains("\r\n") }) else { return nil }
        return Self.status(of: answer)
    }

    /// The body of `GET path` when its status is 200.
    func httpBody(_ path: String) async -> String? {
        // HTTP/1.0: the answer comes in one piece, and the end of the connection is its end.
        let question = "GET \(path) HTTP/1.0\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
        guard let answer = await ask(question, until: { _ in false }), Self.status(of: answer) == 200,
            let end = answer.firstRange(of: "\r\n\r\n")
        else { return nil }
        return String(answer[end.upperBound...])
    }

    private static func status(of answer: String) -> Int? {
        guard answer.hasPrefix("HTTP/1.") else { return nil }
        return answer.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0.prefix(3)) }
    }

    /// - Parameter isWhole: says when the answer has arrived; the end of the connection ends it as well.
    func ask(_ question: String, until isWhole: @escaping @Sendable (String) -> Bool) async -> String? {
        await withCheckedContinuation { continuation in
            // A thread of its own: the namespace is a thread's, and it ends with it.
            startThread { continuation.resume(returning: answer(to: question, until: isWhole)) }
        }
    }

    private func answer(to question: String, until isWhole: (String) -> Bool) -> String? {
        guard enterNetwork(of: pid) else { return nil }
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard connection >= 0 else { return nil }
        defer { close(connection) }
        guard connect(connection) else { return nil }
        let bytes = Array(question.utf8)
        guard send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            return nil
        }
        return read(from: connection, until: isWhole)
    }

    private func connect(_ connection: Int32) -> Bool {
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = self.address.rawValue.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private func read(from connection: Int32, until isWhole: (String) -> Bool) -> String? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        let deadline = ContinuousClock.now + .seconds(2 * timeoutSeconds)
        while bytes.count < maximumAnswerBytes, ContinuousClock.now < deadline {
            let count = recv(connection, &chunk, chunk.count, 0)
            if count <= 0 { break }
            bytes += chunk[..<count]
            if isWhole(String(decoding: bytes, as: UTF8.self)) { break }
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}

/// The calling thread's network becomes that of another process; its own where that is 0.
func enterNetwork(of pid: Int32) -> Bool {
    if pid == 0 { return true }
    let namespace = open("/proc/\(pid)/ns/net", O_RDONLY | O_CLOEXEC)
    guard namespace >= 0 else { return false }
    defer { close(namespace) }
    return enter_network_namespace(namespace) == 0
}

/// Whether two processes share their network.
func sharesNetwork(_ one: Int32, _ other: Int32) -> Bool {
    var first = stat()
    var second = stat()
    guard stat("/proc/\(one)/ns/net", &first) == 0, stat("/proc/\(other)/ns/net", &second) == 0 else {
        return false
    }
    return first.st_ino == second.st_ino && first.st_dev == second.st_dev
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// A detached thread. A system that has none left ends the agent; systemd starts it anew.
func startThread(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { pointer in
            Unmanaged<ThreadBody>.fromOpaque(pointer!).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    if status == 0 {
        pthread_detach(thread)
    } else {
        fatalError("no thread for a probe: \(String(cString: strerror(status)))")
    }
}
