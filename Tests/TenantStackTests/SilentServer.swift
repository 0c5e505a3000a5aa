import Foundation
import Synchronization
import TestSupport

/// Takes one request, and answers it when a test says so.
final class SilentServer: Sendable {
    let url: String
    private let listener: Int32
    private let client = Atomic<Int32>(-1)

    init() throws {
        let port = try freePort()
        url = "http://127.0.0.1:\(port)"
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0, listen(listener, 4) == 0 else {
            throw TestSupportError("cannot listen on \(port)")
        }
        Thread.detachNewThread { [self] in
            let accepted = accept(listener, nil, nil)
            var buffer = [UInt8](repeating: 0, count: 16_384)
            if accepted >= 0, recv(accepted, &buffer, buffer.count, 0) > 0 {
                client.store(accepted, ordering: .releasing)
            }
        }
    }

    deinit { close(listener) }

    func awaitRequest() async throws {
        try await eventually("a request") { client.load(ordering: .acquiring) >= 0 }
    }

    func answer(_ text: String) { _ = writeAll(client.load(ordering: .acquiring), Array(text.utf8)[...]) }
}
