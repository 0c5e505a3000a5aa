import Foundation

/// A TCP port of 127.0.0.1 that nothing listens on now. Prefer binding port 0 where the server can tell
/// which port it got: between this call and the bind another process may take it.
package func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
        }
    }
    guard status == 0 else { throw TestSupportError("no free port: error \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
}
