import Foundation

/// A TCP connection whose every byte a test decides about.
package final class RawConnection: Sendable {
    private let descriptor: Int32

    package init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw TestSupportError("cannot connect to \(port): error \(errno)") }
    }

    deinit { close(descriptor) }

    /// Waits on a thread of its own.
    package func ask(_ path: String, _ headers: [String: String] = [:]) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { [self] in
                continuation.resume(with: Result { try send(path, headers) })
            }
        }
    }

    private func send(_ path: String, _ headers: [String: String]) throws -> String {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        guard writeAll(descriptor, Array("GET \(path) HTTP/1.1\r\nHost: tenant\r\n\(lines)\r\n".utf8)[...])
        else {
            throw TestSupportError("the connection is gone")
        }
        return try answer()
    }

    /// Up to the end of a body of the length that its head tells.
    private func answer() throws -> String {
        var text = ""
        while true {
            guard let more = read() else { throw TestSupportError("the connection ended after \"\(text)\"") }
            text += more
            guard let end = text.range(of: "\r\n\r\n") else { continue }
            let head = text[..<end.lowerBound].lowercased()
            let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
            if text[end.upperBound...].utf8.count >= length ?? 0 { return text }
        }
    }

    /// Sends some bytes and waits for nothing.
    /// - Returns: whether the connection took them.
    @discardableResult
    package func write(_ text: String) -> Bool { writeAll(descriptor, Array(text.utf8)[...]) }

    /// What arrives until the other side ends the connection, or for 30 s.
    package func remainder() async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in
                var text = ""
                while let more = read() { text += more }
                continuation.resume(returning: text)
            }
        }
    }

    /// Whether the other side ends it, within 30 s, without saying anything more.
    package func isEnded() async -> Bool {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in
                var byte: UInt8 = 0
                continuation.resume(returning: recv(descriptor, &byte, 1, 0) == 0)
            }
        }
    }

    private func read() -> String? {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
