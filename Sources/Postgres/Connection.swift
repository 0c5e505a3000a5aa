import CPostgres
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One session with the server, on its own thread. Statements are prepared once and kept, up to a bound.
actor Connection {
    private final class Handle {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { PQfinish(pointer) }
    }

    private let thread = SerialThread()
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let configuration: PostgresConfiguration
    private var handle: Handle?
    private var statements: StatementCache
    private let healthy = Atomic<Bool>(false)

    init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        statements = StatementCache(limit: configuration.statementCacheSize)
    }

    deinit { thread.stop() }

    /// Whether the session may go back to the pool: connected, and in no transaction.
    nonisolated var isReusable: Bool { healthy.load(ordering: .acquiring) }

    func open() throws {
        let pointer = try connect(configuration)
        handle = Handle(pointer)
        healthy.store(true, ordering: .releasing)
    }

    func close() {
        healthy.store(false, ordering: .releasing)
        handle = nil
    }

    /// Runs one prepared statement.
    /// - Throws: `StaleConnection` when the server had gone before anything was sent, else `PostgresError`.
    func run(_ sql: SQL) throws -> ResultSet {
        let pointer = try usableHandle()
        defer { noteHealth(pointer) }
        let text = sql.text
        do {
            return try execute(text, sql.binds, on: pointer)
        } catch let error as PostgresError where shouldPrepareAgain(error, pointer) {
            statements.removeAll()
            try checked(PQexec(pointer, "DEALLOCATE ALL"), pointer)
            return try execute(text, sql.binds, on: pointer)
        }
    }

    /// Runs text of our own without binds, possibly several statements: BEGIN, COMMIT, a migration.
    /// - Returns: the last statement's command tag.
    @discardableResult
    func script(_ text: String) throws -> String {
        let pointer = try usableHandle()
        defer { noteHealth(pointer) }
        return try checked(PQexec(pointer, text), pointer).commandTag
    }

    /// Whether a transaction is open; false also when the connection is gone.
    var isInTransaction: Bool {
        guard let handle else { return false }
        return [PQTRANS_INTRANS, PQTRANS_INERROR, PQTRANS_ACTIVE].contains(
            PQtransactionStatus(handle.pointer))
    }

    /// Sends `chunks` as the data of a `COPY ... FROM STDIN`.
    /// - Returns: rows copied.
    func copy(_ command: String, chunks: [[UInt8]]) throws -> Int {
        let pointer = try usableHandle()
        defer { noteHealth(pointer) }
        _ = try checked(PQexec(pointer, command), pointer)
        for chunk in chunks {
            let sent = chunk.withUnsafeBytes { bytes in
                PQputCopyData(pointer, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count))
            }
            guard sent == 1 else { throw lost(pointer) }
        }
        guard PQputCopyEnd(pointer, nil) == 1 else { throw lost(pointer) }
        let result = PQgetResult(pointer)
        while let rest = PQgetResult(pointer) { PQclear(rest) }
        return try checked(result, pointer).affected
    }

    /// libpq notices a server that closed an idle connection only when it reads: look before sending, so
    /// that a restarted server costs a reconnect and not an error.
    private func usableHandle() throws -> OpaquePointer {
        guard let handle else { throw StaleConnection() }
        let pointer = handle.pointer
        guard PQtransactionStatus(pointer) == PQTRANS_IDLE, hasEnded(pointer) else { return pointer }
        close()
        throw StaleConnection()
    }

    /// Reads until nothing is left: the end of the connection comes behind the server's reason for it, and by
    /// TCP the socket alone does not tell.
    private func hasEnded(_ pointer: OpaquePointer) -> Bool {
        var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        while poll(&descriptor, 1, 0) > 0 {
            let isOpen = PQconsumeInput(pointer) == 1 && PQstatus(pointer) == CONNECTION_OK
            if !isOpen || descriptor.revents & Int16(POLLHUP | POLLERR) != 0 { return true }
        }
        return false
    }

    private func noteHealth(_ pointer: OpaquePointer) {
        let usable = PQstatus(pointer) == CONNECTION_OK && PQtransactionStatus(pointer) == PQTRANS_IDLE
        healthy.store(usable, ordering: .releasing)
    }

    private func execute(_ text: String, _ binds: [Bind], on pointer: OpaquePointer) throws -> ResultSet {
        let values = try binds.map { bind -> String? in
            switch bind.value {
            case .text(let text): return text
            case .null: return nil
            case .invalid(let reason):
                throw PostgresError(sqlState: "22000", message: "a bound value is \(reason)")
            }
        }
        let name = try prepare(text, binds, on: pointer)
        let result = withCStrings(values) { values in
            PQexecPrepared(pointer, name, Int32(values.count), values.baseAddress, nil, nil, 0)
        }
        return try checked(result, pointer)
    }

    private func prepare(_ text: String, _ binds: [Bind], on pointer: OpaquePointer) throws -> String {
        // Types belong to the key: the same text with other types is another statement.
        let key = StatementCache.Key(text: text, types: binds.map(\.type))
        if let name = statements.name(of: key) { return name }
        let (name, evicted) = statements.nextName()
        if let evicted { try checked(PQexec(pointer, "DEALLOCATE \(evicted)"), pointer) }
        try checked(PQprepare(pointer, name, text, Int32(key.types.count), key.types), pointer)
        statements.insert(key, name: name)
        return name
    }

    /// A changed table, or a pooler that dropped its statements: outside a transaction, prepare anew.
    private func shouldPrepareAgain(_ error: PostgresError, _ pointer: OpaquePointer) -> Bool {
        (error.sqlState == "0A000" || error.sqlState == "26000")
            && PQtransactionStatus(pointer) == PQTRANS_IDLE
    }

    @discardableResult
    private func checked(_ result: OpaquePointer?, _ pointer: OpaquePointer) throws -> ResultSet {
        guard let result else { throw lost(pointer) }
        let set = ResultSet(result)
        if let error = set.error {
            if PQstatus(pointer) != CONNECTION_OK { throw lost(pointer, sqlState: error.sqlState) }
            throw error
        }
        return set
    }

    private func lost(_ pointer: OpaquePointer, sqlState: String? = nil) -> PostgresError {
        let state = sqlState.flatMap { $0.hasPrefix("57P") || $0 == "25P03" ? $0 : nil }
        return PostgresError(
            sqlState: state ?? PostgresError.connectionFailure,
            message: "the connection to the server was lost")
    }
}

/// The session had ended before anything was sent: the statement may be sent on another one.
struct StaleConnection: Error {}

/// Opens a session, blocking for at most the connect timeout.
func connect(_ configuration: PostgresConfiguration) throws -> OpaquePointer {
    let parameters = configuration.parameters
    let pointer = withCStrings(parameters.map(\.name) + [nil]) { names in
        withCStrings(parameters.map(\.value) + [nil]) { values in
            PQconnectdbParams(names.baseAddress!, values.baseAddress!, 1)
        }
    }
    guard let pointer else {
        throw PostgresError(sqlState: PostgresError.cannotConnect, message: "out of memory")
    }
    guard PQstatus(pointer) == CONNECTION_OK else {
        defer { PQfinish(pointer) }
        throw connectError(String(cString: PQerrorMessage(pointer)))
    }
    // libpq would print the server's notices on standard error.
    PQsetNoticeProcessor(pointer, { _, _ in }, nil)
    return pointer
}

/// libpq gives no SQLSTATE for a failed connect, only text: what cannot heal by waiting is told by its words.
private func connectError(_ text: String) -> PostgresError {
    let message = text.split(separator: "\n").joined(separator: " ")
    let permanent = [
        "authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied", "invalid",
        "permission denied", "not permitted",
    ]
    let missingSocket = message.contains("No such file or directory")
    let heals = missingSocket || !permanent.contains { message.contains($0) }
    return PostgresError(
        sqlState: heals ? PostgresError.cannotConnect : "28000", message: "cannot connect: \(message)")
}

/// Gives `body` the strings as C strings, nil staying nil, in one allocation.
func withCStrings<Result>(
    _ strings: [String?], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    var bytes: [CChar] = []
    var offsets: [Int?] = []
    offsets.reserveCapacity(strings.count)
    for string in strings {
        offsets.append(string.map { _ in bytes.count })
        if let string {
            bytes.append(contentsOf: string.utf8.lazy.map { CChar(bitPattern: $0) })
            bytes.append(0)
        }
    }
    return bytes.withUnsafeBufferPointer { buffer in
        offsets.map { offset in offset.map { buffer.baseAddress! + $0 } }.withUnsafeBufferPointer(body)
    }
}
