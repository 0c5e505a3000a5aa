import Foundation
import Synchronization
import TestSupport

/// Stands between control planes and PostgreSQL, and knows every commit.
///
/// An autocommitted statement that may write runs inside a BEGIN and COMMIT of the proxy's own: so it is
/// known whether it wrote before that takes effect, whatever its command tag says.
final class CommitProxy: Sendable {
    /// The URL of the same database by way of this proxy.
    let url: String
    private let folder: String
    private let target: String
    private let listener: Int32
    private let sockets = Mutex<[Int32]>([])
    private let isMuted = Atomic<Bool>(false)
    private let statements = Mutex<[Statement: [String?]]>([:])

    /// - Parameter kill: ends the control plane by SIGKILL.
    init(_ databaseURL: String, trace: Trace, kill: @escaping @Sendable () -> Void) throws {
        let server = try postgresSocket(databaseURL)
        folder = try makeTemporaryFolder("cpc")
        target = server.path
        url = databaseURL.replacing(server.folder, with: folder)
        listener = try listenOnSocket("\(folder)/.s.PGSQL.5432")
        Thread.detachNewThread { [self] in accept(trace, kill) }
    }

    /// From now on no notification arrives.
    func mute() { isMuted.store(true, ordering: .releasing) }

    /// Every statement that ran so far, with the parameters of its last time.
    var ranStatements: [Statement: [String?]] { statements.withLock { $0 } }

    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        sockets.withLock { $0.forEach { shutdown($0, Int32(SHUT_RDWR)) } }
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func accept(_ trace: Trace, _ kill: @escaping @Sendable () -> Void) {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard let server = try? connectToSocket(target) else {
                Glibc.close(client)
                continue
            }
            sockets.withLock { $0 += [client, server] }
            Thread.detachNewThread { [self] in
                var session = DatabaseSession(client: client, server: server, trace: trace, kill: kill)
                session.isMuted = { [self] in isMuted.load(ordering: .acquiring) }
                session.run { statement, values in statements.withLock { $0[statement] = values } }
                // Forgotten before they are closed: their numbers are given out again.
                sockets.withLock { $0.removeAll { $0 == client || $0 == server } }
                Glibc.close(client)
                Glibc.close(server)
            }
        }
        Glibc.close(listener)
    }
}
