import CPostgres
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// LISTEN on one connection of its own, for all channels of the process. The thread starts with the first
/// subscription and reconnects for as long as it runs.
final class Listener: Sendable {
    private struct State {
        var subscribers: [String: [UInt64: AsyncStream<String>.Continuation]] = [:]
        var nextID: UInt64 = 0
        var started = false
        var stopped = false
    }

    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeup = WakeupPipe()

    init(_ configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    func subscribe(_ channel: String) -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingNewest(256))
        let (id, first) = state.withLock { state in
            state.nextID += 1
            if state.stopped { continuation.finish() }
            state.subscribers[channel, default: [:]][state.nextID] = continuation
            defer { state.started = true }
            return (state.nextID, !state.started && !state.stopped)
        }
        continuation.onTermination = { [weak self] _ in self?.unsubscribe(channel, id) }
        if first { startThread { self.loop() } }
        wakeup.signal()
        return stream
    }

    func stop() {
        let all = state.withLock { state in
            state.stopped = true
            defer { state.subscribers.removeAll() }
            return state.subscribers.values.flatMap(\.values)
        }
        all.forEach { $0.finish() }
        wakeup.signal()
    }

    private func unsubscribe(_ channel: String, _ id: UInt64) {
        state.withLock { state in
            state.subscribers[channel]?[id] = nil
            if state.subscribers[channel]?.isEmpty == true { state.subscribers[channel] = nil }
        }
        wakeup.signal()
    }

    private var isStopped: Bool { state.withLock { $0.stopped } }

    private func loop() {
        var pause = Duration.milliseconds(50)
        while !isStopped {
            do {
                let connection = try connect(configuration)
                defer { PQfinish(connection) }
                pause = .milliseconds(50)
                try serve(connection)
            } catch {
                if isStopped { return }
                logger.warning("listening was interrupted", metadata: ["error": "\(error)"])
                wakeup.wait(socket: nil, milliseconds: Int32(pause.milliseconds))
                pause = min(pause * 2, .seconds(2))
            }
        }
    }

    /// Runs until the connection fails or the listener stops.
    private func serve(_ connection: OpaquePointer) throws {
        var listening: Set<String> = []
        // Who was told that listening began; a second subscriber of a channel is told as well.
        var greeted: Set<UInt64> = []
        while !isStopped {
            try follow(connection, &listening, &greeted)
            deliver(connection)
            wakeup.wait(socket: PQsocket(connection), milliseconds: 60_000)
            guard PQconsumeInput(connection) == 1, PQstatus(connection) == CONNECTION_OK else {
                throw PostgresError(
                    sqlState: PostgresError.connectionFailure, message: "the listening connection was lost")
            }
        }
    }

    private func follow(
        _ connection: OpaquePointer, _ listening: inout Set<String>, _ greeted: inout Set<UInt64>
    ) throws {
        let subscribers = state.withLock { $0.subscribers }
        let wanted = Set(subscribers.keys)
        for channel in listening.subtracting(wanted) { try send("UNLISTEN", channel, connection) }
        for channel in wanted.subtracting(listening) { try send("LISTEN", channel, connection) }
        listening = wanted
        for (id, continuation) in subscribers.values.joined() where greeted.insert(id).inserted {
            continuation.yield("")
        }
    }

    private func send(_ command: String, _ channel: String, _ connection: OpaquePointer) throws {
        guard let result = PQexec(connection, "\(command) \(quotedIdentifier(channel))") else { return }
        if let error = ResultSet(result).error { throw error }
    }

    private func deliver(_ connection: OpaquePointer) {
        while let notification = PQnotifies(connection) {
            let channel = String(cString: notification.pointee.relname)
            let payload = String(cString: notification.pointee.extra)
            PQfreemem(notification)
            let receivers = state.withLock { $0.subscribers[channel].map { Array($0.values) } ?? [] }
            receivers.forEach { $0.yield(payload) }
        }
    }
}

/// Wakes a thread that waits for a socket.
private final class WakeupPipe: Sendable {
    private let reader: Int32
    private let writer: Int32

    init() {
        var descriptors: [Int32] = [-1, -1]
        precondition(pipe(&descriptors) == 0, "cannot open a pipe: error \(errno)")
        for descriptor in descriptors {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        reader = descriptors[0]
        writer = descriptors[1]
    }

    deinit {
        _ = close(reader)
        _ = close(writer)
    }

    func signal() {
        var byte: UInt8 = 1
        // A full pipe wakes the reader as well.
        _ = write(writer, &byte, 1)
    }

    /// Returns when the socket is readable, a signal came, or the time is over.
    func wait(socket: Int32?, milliseconds: Int32) {
        var descriptors = [pollfd(fd: reader, events: Int16(POLLIN), revents: 0)]
        if let socket { descriptors.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
        _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
        var scratch: [UInt8] = Array(repeating: 0, count: 64)
        while read(reader, &scratch, 64) > 0 {}
    }
}
