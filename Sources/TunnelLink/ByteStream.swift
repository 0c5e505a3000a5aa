import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection (or TLS over one) as two plain async calls: `read` and `write`.
///
/// One task reads and one writes at a time. Reading stops at `highWaterMark` buffered bytes, so a slow
/// taker slows the sender down. Cancelling a task that reads closes the stream. A side that ends its writing
/// ends the stream: a half-open one would look like a living connector.
package final class ByteStream: Sendable {
    package static let highWaterMark = 256 * 1024

    private struct State {
        var buffer = ByteBuffer()
        var waiting: CheckedContinuation<ByteBuffer?, any Error>?
        var ended = false
        var paused = false
        var lastReadAt = ContinuousClock.now
    }

    package let channel: any Channel
    private let state = Mutex(State())

    private init(_ channel: any Channel) { self.channel = channel }

    /// The next bytes; nil once the other side has finished.
    package func read() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (ready, resume) = take(or: continuation)
                if resume { channel.setOption(.autoRead, value: true).whenComplete { _ in } }
                if let ready { continuation.resume(returning: ready.buffer) }
            }
        } onCancel: {
            close()
        }
    }

    private struct Ready { var buffer: ByteBuffer? }

    private func take(
        or continuation: CheckedContinuation<ByteBuffer?, any Error>
    ) -> (Ready?, resume: Bool) {
        state.withLock { state in
            let resume = state.paused
            state.paused = false
            if state.buffer.readableBytes > 0 {
                defer { state.buffer = ByteBuffer() }
                return (Ready(buffer: state.buffer), resume)
            }
            if state.ended { return (Ready(buffer: nil), false) }
            precondition(state.waiting == nil, "two tasks read one stream")
            state.waiting = continuation
            return (nil, resume)
        }
    }

    /// Returns once the bytes are with the kernel.
    package func write(_ buffer: ByteBuffer) async throws {
        try await channel.writeAndFlush(buffer).get()
    }

    package func write(_ text: String) async throws { try await write(ByteBuffer(string: text)) }

    /// Says that nothing more will be written; the other direction stays open where the transport can.
    package func finishWriting() async { try? await channel.close(mode: .output).get() as Void }

    package func close() { channel.close(mode: .all, promise: nil) }

    /// Bytes that came and were not read, thrown away; for a stream that is known to be idle.
    package func discardBuffered() {
        state.withLock { $0.buffer = ByteBuffer() }
    }

    package var isOpen: Bool { channel.isActive && !state.withLock { $0.ended } }

    package var lastReadAt: ContinuousClock.Instant { state.withLock { $0.lastReadAt } }

    package var remoteAddress: String { channel.remoteAddress?.ipAddress ?? "" }

    fileprivate func received(_ buffer: ByteBuffer) {
        let (waiting, pause) = keep(buffer)
        if pause { channel.setOption(.autoRead, value: false).whenComplete { _ in } }
        waiting?.resume(returning: buffer)
    }

    /// The task that waits for the bytes; or they are buffered, and perhaps no more shall come yet.
    private func keep(_ buffer: ByteBuffer) -> (CheckedContinuation<ByteBuffer?, any Error>?, pause: Bool) {
        state.withLock { state in
            state.lastReadAt = .now
            if let waiting = state.waiting {
                state.waiting = nil
                return (waiting, false)
            }
            state.buffer.writeImmutableBuffer(buffer)
            let pause = state.buffer.readableBytes >= Self.highWaterMark && !state.paused
            if pause { state.paused = true }
            return (nil, pause)
        }
    }

    fileprivate func ended() {
        let waiting = state.withLock { state in
            state.ended = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: nil)
    }
}

extension ByteStream {
    /// Ends the pipeline of a new channel with a stream; call it on the channel's event loop.
    package static func install(on channel: any Channel) throws -> ByteStream {
        let stream = ByteStream(channel)
        try channel.pipeline.syncOperations.addHandler(Receiver(stream))
        return stream
    }

    /// Dials a TCP service.
    package static func connect(
        host: String, port: Int, timeout: TimeAmount = .seconds(5),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> ByteStream {
        let streams = Mutex<ByteStream?>(nil)
        let channel = try await ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let stream = try ByteStream.install(on: channel)
                    streams.withLock { $0 = stream }
                }
            }
            .connect(host: host, port: port).get()
        guard let stream = streams.withLock({ $0 }) else {
            channel.close(promise: nil)
            throw ChannelError.ioOnClosedChannel
        }
        return stream
    }
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let stream: ByteStream

    init(_ stream: ByteStream) { self.stream = stream }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { stream.received(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) {
        stream.ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        stream.ended()
        context.close(promise: nil)
    }
}
