import Foundation
import TestSupport

/// One session through the proxy. libpq sends one unit (all up to Sync, or a Query) and waits for its end, so
/// a session goes unit by unit; only notifications come by themselves. COPY is not understood.
struct DatabaseSession {
    let client: Int32
    let server: Int32
    let trace: Trace
    let kill: @Sendable () -> Void
    /// Whether notifications are to be lost.
    var isMuted: @Sendable () -> Bool = { false }
    private var statements: [String: Statement] = [:]
    private var status = Status.idle
    /// What the open transaction wrote first.
    private var firstWrite: String?

    private enum Status: UInt8 {
        case idle = 0x49  // I
        case inTransaction = 0x54  // T
        case failed = 0x45  // E
    }

    init(client: Int32, server: Int32, trace: Trace, kill: @escaping @Sendable () -> Void) {
        self.client = client
        self.server = server
        self.trace = trace
        self.kill = kill
    }

    /// - Parameter ran: hears of every statement that is about to run, with its parameters.
    mutating func run(ran: (Statement, [String?]) -> Void) {
        guard let startup = readMessage(client, typed: false), writeAll(server, startup[...]) else { return }
        guard let greeting = answer(), deliver(greeting) else { return }
        while true {
            var waiting = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&waiting, 2, -1) > 0 else { return }
            if waiting[1].revents != 0 {
                guard let message = readMessage(server) else { return }
                if message[0] == UInt8(ascii: "A"), isMuted() { continue }
                guard writeAll(client, message[...]) else { return }
            } else {
                guard let unit = readUnit(), perform(unit, ran) else { return }
            }
        }
    }

    // MARK: Units

    private func readUnit() -> Unit? {
        var unit = Unit()
        while let message = readMessage(client) {
            unit.add(message)
            if unit.isComplete { return unit }
        }
        return nil
    }

    private mutating func perform(_ unit: Unit, _ ran: (Statement, [String?]) -> Void) -> Bool {
        if let (name, statement) = unit.parsed { statements[name] = statement }
        let statement = unit.executed.flatMap { statements[$0] }
        if let statement { ran(statement, unit.parameters) }
        let text = unit.query ?? statement?.text ?? ""
        let label = writeLabel(text, parameters: unit.parameters)
        if status == .idle, let label, unit.executed != nil { return autocommit(unit, label) }
        if status == .inTransaction, text == "COMMIT" { return commit(unit) }
        guard let answer = exchange(unit.bytes) else { return false }
        if status == .inTransaction { firstWrite = firstWrite ?? label } else { firstWrite = nil }
        return deliver(answer)
    }

    private mutating func commit(_ unit: Unit) -> Bool {
        guard let wrote = hasWritten() else { return false }
        guard wrote else { return exchange(unit.bytes).map(deliver) ?? false }
        let name = "COMMIT of \(firstWrite ?? "an unknown write")"
        firstWrite = nil
        guard let interference = trace.reach(.commit, name) else {
            return exchange(unit.bytes).map(deliver) ?? false
        }
        if interference == .crash(.after) { _ = exchange(unit.bytes) }
        kill()
        return false
    }

    private mutating func autocommit(_ unit: Unit, _ label: String) -> Bool {
        guard exchange(query("BEGIN")) != nil, var answer = exchange(unit.bytes) else { return false }
        if status == .failed {
            guard exchange(query("ROLLBACK")) != nil else { return false }
        } else {
            guard let wrote = hasWritten() else { return false }
            let interference = wrote ? trace.reach(.commit, label) : nil
            if interference == nil || interference == .crash(.after) {
                guard exchange(query("COMMIT")) != nil else { return false }
            }
            if interference != nil {
                kill()
                return false
            }
        }
        // The client never hears of the transaction around its statement.
        answer[answer.count - 1] = Status.idle.rawValue
        return deliver(answer)
    }

    // MARK: The server

    /// Whether the open transaction has changed anything; nil when the server is gone.
    private mutating func hasWritten() -> Bool? {
        guard let answer = exchange(query("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")) else {
            return nil
        }
        // One row of one field of one byte, t or f.
        return answer.firstRange(of: [0, 1, 0, 0, 0, 1, UInt8(ascii: "t")]) != nil
    }

    private func query(_ text: String) -> [UInt8] {
        let body = Array(text.utf8) + [0]
        return [UInt8(ascii: "Q"), 0, 0, 0, UInt8(body.count + 4)] + body
    }

    private mutating func exchange(_ bytes: [UInt8]) -> [UInt8]? {
        guard writeAll(server, bytes[...]) else { return nil }
        return answer()
    }

    /// All up to ReadyForQuery, whose last byte is the session's status.
    private mutating func answer() -> [UInt8]? {
        var all: [UInt8] = []
        while let message = readMessage(server) {
            all += message
            if message[0] == UInt8(ascii: "Z") {
                status = Status(rawValue: message[5]) ?? .failed
                return all
            }
        }
        return nil
    }

    private func deliver(_ answer: [UInt8]) -> Bool { writeAll(client, answer[...]) }
}

/// What a client sends before it waits.
private struct Unit {
    var bytes: [UInt8] = []
    var isComplete = false
    var query: String?
    var parsed: (name: String, statement: Statement)?
    /// Name of the prepared statement that runs.
    var executed: String?
    var parameters: [String?] = []

    mutating func add(_ message: [UInt8]) {
        bytes += message
        var reader = FieldReader(message.dropFirst(5))
        switch message[0] {
        case UInt8(ascii: "Q"):
            query = reader.text()
            isComplete = true
        case UInt8(ascii: "P"):
            let name = reader.text()
            let text = reader.text()
            let types = (0..<reader.integer(2)).map { _ in reader.integer(4) }
            parsed = (name, Statement(text: text, types: types))
        case UInt8(ascii: "B"):
            _ = reader.text()
            executed = reader.text()
            for _ in 0..<reader.integer(2) { _ = reader.integer(2) }
            parameters = (0..<reader.integer(2)).map { _ in reader.value() }
        case UInt8(ascii: "S"), UInt8(ascii: "X"):
            isComplete = true
        default: break
        }
    }
}

private struct FieldReader {
    var rest: ArraySlice<UInt8>

    init(_ body: ArraySlice<UInt8>) { rest = body }

    mutating func text() -> String {
        let bytes = rest.prefix { $0 != 0 }
        rest = rest.dropFirst(bytes.count + 1)
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func integer(_ bytes: Int) -> Int {
        defer { rest = rest.dropFirst(bytes) }
        return rest.prefix(bytes).reduce(0) { $0 << 8 | Int($1) }
    }

    /// A length and as many bytes; nil for NULL, whose length is -1.
    mutating func value() -> String? {
        let length = integer(4)
        guard length != 0xFFFF_FFFF else { return nil }
        defer { rest = rest.dropFirst(length) }
        return String(decoding: rest.prefix(length), as: UTF8.self)
    }
}
