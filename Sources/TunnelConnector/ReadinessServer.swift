import NIOCore
import NIOPosix
import TunnelLink

/// `GET /ready`: 200 with the number of connections to the edge, 503 while there is none.
struct ReadinessServer {
    let address: (host: String, port: Int)
    let connector: TunnelClient

    /// Returns once it listens; serves until the process ends.
    func start() async throws {
        let connector = connector
        _ = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let stream = try ByteStream.install(on: channel)
                    Task { await Self.serve(stream, connector) }
                }
            }
            .bind(host: address.host, port: address.port).get()
    }

    private static func serve(_ stream: ByteStream, _ connector: TunnelClient) async {
        var reader = ByteReader(stream)
        while let head = try? await reader.head(limit: 8192) {
            let isReady = String(decoding: head.prefix(10), as: UTF8.self) == "GET /ready"
            let count = connector.readyConnections
            let status = isReady ? (count > 0 ? "200 OK" : "503 Service Unavailable") : "404 Not Found"
            let body = isReady ? "{\"status\":\(count > 0 ? 200 : 503),\"readyConnections\":\(count)}" : ""
            try? await stream.write(
                "HTTP/1.1 \(status)\r\ncontent-type: application/json\r\n"
                    + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        stream.close()
    }
}
