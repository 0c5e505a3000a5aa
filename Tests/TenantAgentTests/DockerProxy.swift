import Foundation
import Synchronization
import TestSupport

/// Stands between an agent and the Docker daemon, and from one call on says nothing any more: what the agent
/// had done until then is all that it will ever have done, as after a SIGKILL.
final class DockerProxy: Sendable {
    enum Cut: Sendable {
        case never
        /// The daemon does not get this call.
        case before(Int)
        /// The daemon carries it out, and the agent never learns that.
        case after(Int)

        var call: Int {
            switch self {
            case .never: .max
            case .before(let call), .after(let call): call
            }
        }
    }

    let path: String
    private let folder: String
    private let target: String
    private let cut: Cut
    private let listener: Int32
    private let calls = Mutex<[String]>([])
    private let isCut = Atomic<Bool>(false)

    init(target: String, cut: Cut) throws {
        folder = try makeTemporaryFolder("dkr")
        path = "\(folder)/docker.sock"
        self.target = target
        self.cut = cut
        listener = try listenOnSocket(path)
        Thread.detachNewThread { [self] in accept() }
    }

    /// Method and path of each, in the order of their arrival.
    var seen: [String] { calls.withLock { $0 } }
    var hasCut: Bool { isCut.load(ordering: .acquiring) }

    /// The connections stay open: whoever waits for an answer waits on.
    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard let server = try? connectToSocket(target) else { continue }
            Thread.detachNewThread { [self] in pumpCalls(from: client, to: server) }
            Thread.detachNewThread { [self] in pumpAnswers(from: server, to: client) }
        }
        Glibc.close(listener)
    }

    /// A client sends one call at a time on a connection, the head of each in one piece.
    private func pumpCalls(from client: Int32, to server: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(client, &buffer, buffer.count), count > 0 {
            if let call = Self.call(buffer[..<count]) {
                let number = calls.withLock { calls in
                    calls.append(call)
                    return calls.count
                }
                if case .before(let chosen) = cut, number >= chosen {
                    isCut.store(true, ordering: .releasing)
                }
                // Answers are withheld before the daemon can give one.
                if case .after(let chosen) = cut, number == chosen {
                    isCut.store(true, ordering: .releasing)
                    _ = writeAll(server, buffer[..<count])
                    continue
                }
            }
            if !hasCut { _ = writeAll(server, buffer[..<count]) }
        }
        shutdown(server, Int32(SHUT_RDWR))
    }

    private func pumpAnswers(from server: Int32, to client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(server, &buffer, buffer.count), count > 0 {
            if !hasCut { _ = writeAll(client, buffer[..<count]) }
        }
        if !hasCut { shutdown(client, Int32(SHUT_RDWR)) }
    }

    private static func call(_ bytes: ArraySlice<UInt8>) -> String? {
        let words = String(decoding: bytes.prefix(512), as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard words.count == 3, ["GET", "POST", "DELETE"].contains(words[0]), words[1].hasPrefix("/") else {
            return nil
        }
        return "\(words[0]) \(words[1])"
    }
}
