import NIOCore

/// Takes lines, heads and counted bytes off a stream. Used by one task.
package struct ByteReader {
    package let stream: ByteStream
    private var buffer = ByteBuffer()

    package init(_ stream: ByteStream) { self.stream = stream }

    package enum Failure: Error, Equatable {
        /// The other side ended in the middle of something.
        case ended
        case tooLong(limit: Int)
    }

    /// Text up to and without the next newline; nil at the end of the stream.
    package mutating func line(limit: Int) async throws -> String? {
        guard let bytes = try await bytes(through: [UInt8(ascii: "\n")], limit: limit) else { return nil }
        let text = String(decoding: bytes.dropLast(), as: UTF8.self)
        return text.hasSuffix("\r") ? String(text.dropLast()) : text
    }

    /// An HTTP head with the empty line that ends it; nil at the end of the stream.
    package mutating func head(limit: Int) async throws -> [UInt8]? {
        try await bytes(through: Array("\r\n\r\n".utf8), limit: limit)
    }

    private mutating func bytes(through mark: [UInt8], limit: Int) async throws -> [UInt8]? {
        var searched = 0
        while true {
            let view = buffer.readableBytesView
            if let end = Self.end(of: mark, in: view, from: max(0, searched - mark.count)) {
                return buffer.readBytes(length: end)
            }
            searched = view.count
            guard searched < limit else { throw Failure.tooLong(limit: limit) }
            guard let more = try await stream.read() else {
                guard searched == 0 else { throw Failure.ended }
                return nil
            }
            append(more)
        }
    }

    private static func end(of mark: [UInt8], in view: ByteBufferView, from start: Int) -> Int? {
        guard view.count >= mark.count else { return nil }
        let bytes = view.dropFirst(start)
        guard bytes.count >= mark.count else { return nil }
        var index = bytes.startIndex
        while index <= bytes.endIndex - mark.count {
            if bytes[index] == mark[0], bytes[index..<index + mark.count].elementsEqual(mark) {
                return index + mark.count - view.startIndex
            }
            index += 1
        }
        return nil
    }

    /// Whatever is there next, at most `maximum` bytes; nil at the end of the stream.
    package mutating func some(atMost maximum: Int = .max) async throws -> ByteBuffer? {
        if buffer.readableBytes == 0 {
            guard let more = try await stream.read() else { return nil }
            append(more)
        }
        return buffer.readSlice(length: min(maximum, buffer.readableBytes))
    }

    private mutating func append(_ more: ByteBuffer) {
        if buffer.readableBytes == 0 { buffer = more } else { buffer.writeImmutableBuffer(more) }
    }
}

extension ByteStream {
    /// Copies both directions until either side is done: what an upgraded connection becomes.
    package static func join(_ left: ByteReader, _ right: ByteReader) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await copy(left, to: right.stream) }
            group.addTask { await copy(right, to: left.stream) }
            await group.waitForAll()
        }
        left.stream.close()
        right.stream.close()
    }

    private static func copy(_ source: ByteReader, to target: ByteStream) async {
        var source = source
        do {
            while let buffer = try await source.some() { try await target.write(buffer) }
            await target.finishWriting()
        } catch {
            source.stream.close()
            target.close()
        }
    }
}
