extension PostgresPool {
    /// Inserts rows by COPY, in one transaction of its own: the fast way in for many rows.
    /// - Returns: the number of rows copied.
    @discardableResult
    package func copy(
        into table: String, columns: [String], rows: some Sequence<[any PostgresBindable]>
    ) async throws -> Int {
        let (command, chunks) = try copyMessages(table, columns, rows)
        return try await onConnection { try await $0.copy(command, chunks: chunks) }
    }
}

extension Transaction {
    /// As the pool's `copy`, inside this transaction.
    @discardableResult
    package func copy(
        into table: String, columns: [String], rows: some Sequence<[any PostgresBindable]>
    ) async throws -> Int {
        try requireOpen()
        let (command, chunks) = try copyMessages(table, columns, rows)
        return try await connection.copy(command, chunks: chunks)
    }
}

/// COPY's text format: tab-separated values, `\N` for NULL, backslash escapes. Chunks of about 64 KiB.
private func copyMessages(
    _ table: String, _ columns: [String], _ rows: some Sequence<[any PostgresBindable]>
) throws -> (command: String, chunks: [[UInt8]]) {
    var chunks: [[UInt8]] = []
    var chunk: [UInt8] = []
    for row in rows {
        guard row.count == columns.count else {
            throw PostgresError(
                sqlState: "22P04", message: "a row of \(row.count) values for \(columns.count) columns")
        }
        try append(row, to: &chunk)
        if chunk.count >= 65_536 {
            chunks.append(chunk)
            chunk.removeAll(keepingCapacity: true)
        }
    }
    if !chunk.isEmpty { chunks.append(chunk) }
    let list = columns.map(quotedIdentifier).joined(separator: ", ")
    return ("COPY \(quotedIdentifier(table)) (\(list)) FROM STDIN", chunks)
}

private func append(_ row: [any PostgresBindable], to chunk: inout [UInt8]) throws {
    for (index, value) in row.enumerated() {
        if index > 0 { chunk.append(UInt8(ascii: "\t")) }
        switch value.bind.value {
        case .null: chunk.append(contentsOf: "\\N".utf8)
        case .text(let text): appendEscaped(text, to: &chunk)
        case .invalid(let reason):
            throw PostgresError(sqlState: "22000", message: "a value to copy is \(reason)")
        }
    }
    chunk.append(UInt8(ascii: "\n"))
}

private func appendEscaped(_ text: String, to chunk: inout [UInt8]) {
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\\"): chunk.append(contentsOf: "\\\\".utf8)
        case UInt8(ascii: "\t"): chunk.append(contentsOf: "\\t".utf8)
        case UInt8(ascii: "\n"): chunk.append(contentsOf: "\\n".utf8)
        case UInt8(ascii: "\r"): chunk.append(contentsOf: "\\r".utf8)
        default: chunk.append(byte)
        }
    }
}
