import Glibc
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TunnelLink

/// Accepts connections, with TLS or without, and gives each to a handler as a stream.
struct StreamListener: Service {
    let name: String
    let host: String
    let port: Int
    /// nil for plain TCP.
    let tls: TLSServer?
    let logger: Logger
    let listening: @Sendable (Int) -> Void
    let handler: @Sendable (ByteStream) async -> Void

    func run() async throws {
        let (streams, continuation) = AsyncStream<ByteStream>.makeStream()
        let server = try await bind(continuation)
        listening(server.localAddress?.port ?? port)
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for await stream in streams {
                    group.addTask { await serve(stream) }
                }
                group.cancelAll()
            }
        }
        continuation.finish()
        try? await server.close().get()
    }

    /// A stream is closed when the listener stops, whatever its handler waits for.
    private func serve(_ stream: ByteStream) async {
        await withTaskCancellationHandler {
            await handler(stream)
        } onCancel: {
            stream.close()
        }
        stream.close()
    }

    private func bind(_ accepted: AsyncStream<ByteStream>.Continuation) async throws -> any Channel {
        let tls = tls
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 1024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            try channel.pipeline.syncOperations.addHandler(TLSHandler(tls))
                        }
                        accepted.yield(try ByteStream.install(on: channel))
                    }
                }
                .bind(host: host, port: port).get()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw PortTaken(service: name, address: "\(host):\(port)")
        }
    }
}
