import Foundation
import Synchronization
import TestSupport

/// Stands between an engine and PostgreSQL on a unix socket, and counts statements, so that a test can cut
/// or freeze the connection at a statement of its choice.
final class StatementProxy: Sendable {
    enum Verdict: Sendable {
        case forward
        /// The connection ends before the server gets the statement.
        case cutBefore
        /// The server runs the statement, but its answer never arrives.
        case cutAfter
        /// SIGKILL to the process at the other end, before the server gets the statement.
        case killClient
    }

    /// The URL of the same database by way of this proxy.
    let url: String
    private let folder: String
    private let target: String
    private let listener: Int32
    private let judge: @Sendable (Int) -> Verdict
    private let statements = Atomic<Int>(0)
    private let frozen = Atomic<Bool>(false)
    private let sockets = Mutex<[Int32]>([])

    /// - Parameter judge: decides about the n-th statement since the start, from 1. Runs before it is sent.
    init(_ database: TestDatabase, judge: @escaping @Sendable (Int) -> Verdict = { _ in .forward }) throws {
        let host = URLComponents(string: database.url)?.queryItems?.first { $0.name == "host" }?.value
        guard let host else { throw TestSupportError("the proxy needs a server on a unix socket") }
        folder = try makeTemporaryFolder("cpx")
        target = "\(host)/.s.PGSQL.5432"
        url = database.url.replacing(host, with: folder)
        self.judge = judge
        listener = try listenOnSocket("\(folder)/.s.PGSQL.5432")
        Thread.detachNewThread { [self] in accept() }
    }

    var statementCount: Int { statements.load(ordering: .relaxed) }

    /// From now on nothing passes, in either direction, and nothing is refused.
    func freeze() { frozen.store(true, ordering: .releasing) }
    func thaw() { frozen.store(false, ordering: .releasing) }

    func close() {
        thaw()
        shutdown(listener, Int32(SHUT_RDWR))
        sockets.withLock { $0.forEach { shutdown($0, Int32(SHUT_RDWR)) } }
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard let server = try? connectToSocket(target) else {
                Glibc.close(client)
                continue
            }
            sockets.withLock { $0 += [client, server] }
            let connection = ProxiedConnection(client: client, server: server)
            Thread.detachNewThread { [self] in pumpStatements(connection) }
            Thread.detachNewThread { [self] in pumpAnswers(connection) }
        }
        Glibc.close(listener)
    }

    /// Client to server, message by message. Sync ('S') and Query ('Q') end a statement.
    private func pumpStatements(_ connection: ProxiedConnection) {
        defer { connection.cut() }
        guard let startup = connection.readMessage(typed: false), connection.send(startup) else { return }
        while let message = connection.readMessage(typed: true) {
            waitWhileFrozen()
            let isStatement = message[0] == UInt8(ascii: "S") || message[0] == UInt8(ascii: "Q")
            let verdict = isStatement ? judge(statements.add(1, ordering: .relaxed).newValue) : .forward
            switch verdict {
            case .forward: guard connection.send(message) else { return }
            case .cutBefore: return
            case .killClient: return connection.killClient()
            case .cutAfter:
                connection.withholdAnswers()
                _ = connection.send(message)
                connection.waitForAnswer()
                return
            }
        }
    }

    private func pumpAnswers(_ connection: ProxiedConnection) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(connection.server, &buffer, buffer.count)
            guard count > 0 else { break }
            waitWhileFrozen()
            guard connection.answer(buffer[..<count]) else { break }
        }
        connection.cut()
    }

    private func waitWhileFrozen() {
        while frozen.load(ordering: .acquiring) { usleep(5_000) }
    }
}

/// One session through the proxy. The descriptors are closed by nobody before the test process ends, so that
/// no number is reused while a thread still reads from it; they are shut down.
final class ProxiedConnection: Sendable {
    let client: Int32
    let server: Int32
    private let withheld = Mutex<(active: Bool, last: [UInt8])>((false, []))

    init(client: Int32, server: Int32) {
        self.client = client
        self.server = server
    }

    func cut() {
        shutdown(client, Int32(SHUT_RDWR))
        shutdown(server, Int32(SHUT_RDWR))
    }

    /// The kernel knows who connected: SO_PEERCRED answers with process, user and group.
    func killClient() {
        var credentials: [Int32] = [0, 0, 0]
        var length = socklen_t(12)
        getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
        precondition(credentials[0] > 1 && credentials[0] != getpid(), "only a child may be killed")
        kill(credentials[0], SIGKILL)
    }

    func send(_ bytes: [UInt8]) -> Bool { writeAll(server, bytes[...]) }

    func answer(_ bytes: ArraySlice<UInt8>) -> Bool {
        let held = withheld.withLock { withheld in
            if withheld.active { withheld.last = Array((withheld.last + bytes).suffix(6)) }
            return withheld.active
        }
        return held || writeAll(client, bytes)
    }

    func withholdAnswers() { withheld.withLock { $0.active = true } }

    /// Until the server said ReadyForQuery: 'Z', a length of 5, and a state.
    func waitForAnswer() {
        for _ in 0..<2_000 {
            let last = withheld.withLock { $0.last }
            if last.starts(with: [UInt8(ascii: "Z"), 0, 0, 0, 5]) { return }
            usleep(1_000)
        }
    }

    /// A message with its type byte and length, or nil at the end.
    func readMessage(typed: Bool) -> [UInt8]? {
        guard var message = readExactly(typed ? 5 : 4) else { return nil }
        let length = message.suffix(4).reduce(0) { $0 << 8 | Int($1) }
        guard let body = readExactly(length - 4) else { return nil }
        message += body
        return message
    }

    private func readExactly(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { read(client, $0.baseAddress! + filled, count - filled) }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }
}

private func writeAll(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
        let sent = rest.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard sent > 0 else { return false }
        rest = rest.dropFirst(sent)
    }
    return true
}

private func listenOnSocket(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let status = withSocketAddress(path) { bind(descriptor, $0, $1) }
    guard status == 0, listen(descriptor, 64) == 0 else {
        throw TestSupportError("cannot listen on \(path): error \(errno)")
    }
    return descriptor
}

private func connectToSocket(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard withSocketAddress(path, { connect(descriptor, $0, $1) }) == 0 else {
        throw TestSupportError("cannot connect to \(path): error \(errno)")
    }
    return descriptor
}

private func withSocketAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
