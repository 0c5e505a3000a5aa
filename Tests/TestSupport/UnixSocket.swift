import Foundation

// Blocking sockets, for proxies that stand between a program and PostgreSQL.

package func listenOnSocket(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let status = withSocketAddress(path) { bind(descriptor, $0, $1) }
    guard status == 0, listen(descriptor, 64) == 0 else {
        throw TestSupportError("cannot listen on \(path): error \(errno)")
    }
    return descriptor
}

package func connectToSocket(_ path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard withSocketAddress(path, { connect(descriptor, $0, $1) }) == 0 else {
        close(descriptor)
        throw TestSupportError("cannot connect to \(path): error \(errno)")
    }
    return descriptor
}

/// - Returns: false once the other side is gone.
package func writeAll(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Bool {
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

/// A message of PostgreSQL's protocol with its type byte and length, or nil at the end.
/// - Parameter typed: false for the first message of a client, which has no type.
package func readMessage(_ descriptor: Int32, typed: Bool = true) -> [UInt8]? {
    guard var message = readExactly(descriptor, typed ? 5 : 4) else { return nil }
    let length = message.suffix(4).reduce(0) { $0 << 8 | Int($1) }
    guard let body = readExactly(descriptor, length - 4) else { return nil }
    message += body
    return message
}

/// Where the server of a URL with `?host=<folder>` listens.
package func postgresSocket(_ url: String) throws -> (folder: String, path: String) {
    let host = URLComponents(string: url)?.queryItems?.first { $0.name == "host" }?.value
    guard let host else { throw TestSupportError("the proxy needs a server on a unix socket") }
    return (host, "\(host)/.s.PGSQL.5432")
}

private func readExactly(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, count - filled) }
        guard got > 0 else { return nil }
        filled += got
    }
    return bytes
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
