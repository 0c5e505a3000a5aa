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
        let server = try postgresSocket(database.url)
        folder = try makeTemporaryFolder("cpx")
        target = server.path
        url = database.url.replacing(server.folder, with: folder)
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
        guard let startup = readMessage(connection.client, typed: false), connection.send(startup) else {
            return
        }
        while let message = readMessage(connection.client) {
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
}
