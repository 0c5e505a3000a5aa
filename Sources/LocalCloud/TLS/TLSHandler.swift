import NIOCore

/// TLS in a server's pipeline: records towards the network, plaintext towards the stream.
///
/// Writes are encrypted as they come, so their promises and the channel's writability mean what they mean
/// without TLS. A connection ends with close_notify and FIN, and the peer has `farewellTime` to end it too:
/// closing at once would reset it over the last bytes on their way. A peer that ends without a close_notify
/// only ends the stream: HTTP's own framing shows what is missing.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    static let handshakeTime: TimeAmount = .seconds(30)
    static let farewellTime: TimeAmount = .seconds(5)
    /// What is encrypted in one go: the memory that libssl needs for it stays with the connection.
    private static let maximumSlice = 64 * 1024

    private enum State {
        case handshaking, open
        /// This side said that it will write no more; what the peer sends is still delivered.
        case finished
        /// Nothing is delivered any more.
        case ending
        case closed
    }

    /// Asked for before the handshake was done.
    private enum Held {
        case write(ByteBuffer, EventLoopPromise<Void>?)
        case finish(EventLoopPromise<Void>?)
    }

    private let session: TLSSession
    private var state = State.handshaking
    private var held: [Held] = []
    private var deadline: Scheduled<Void>?

    init(_ server: TLSServer) throws { session = try TLSSession(server) }

    func handlerAdded(context: ChannelHandlerContext) { closeAfter(Self.handshakeTime, context) }

    func handlerRemoved(context: ChannelHandlerContext) { becomeClosed() }

    func channelInactive(context: ChannelHandlerContext) {
        becomeClosed()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .ending, state != .closed else { return }
        session.take(unwrapInboundIn(data))
        if state == .handshaking {
            shakeHands(context)
            guard state != .handshaking else { return }
        }
        deliver(context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch state {
        case .handshaking: held.append(.write(unwrapOutboundIn(data), promise))
        case .open: encrypt(unwrapOutboundIn(data), promise, context)
        case .finished: promise?.fail(ChannelError.outputClosed)
        case .ending, .closed: promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch (mode, state) {
        case (.input, _): promise?.fail(ChannelError.operationUnsupported)
        case (.output, .handshaking): held.append(.finish(promise))
        case (.output, .open):
            state = .finished
            session.finish()
            sendRecords(context)
            context.close(mode: .output, promise: promise)
        case (.output, _): promise?.fail(ChannelError.outputClosed)
        case (.all, .handshaking), (.all, .closed):
            becomeClosed()
            context.close(promise: promise)
        case (.all, _):
            if state == .open { session.finish() }
            end(context)
            if let promise { context.channel.closeFuture.cascade(to: promise) }
        }
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        let outcome = session.shakeHands()
        sendRecords(context)
        switch outcome {
        case .done:
            deadline?.cancel()
            state = .open
            let held = held
            self.held = []
            for action in held {
                switch action {
                case .write(let buffer, let promise): encrypt(buffer, promise, context)
                case .finish(let promise): close(context: context, mode: .output, promise: promise)
                }
            }
            context.flush()
        case .wantsRecords: break
        case .ended: end(context)
        case .failed(let error): fail(error, context)
        }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        guard state == .open || state == .finished else { return }
        var plaintext = ByteBuffer()
        let outcome = session.read(into: &plaintext)
        sendRecords(context)
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
        switch outcome {
        case .done, .wantsRecords: break
        case .ended:
            if state == .open { session.finish() }
            sendRecords(context)
            becomeClosed()
            context.close(promise: nil)
        case .failed(let error): fail(error, context)
        }
    }

    private func encrypt(
        _ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) {
        var rest = buffer
        while let slice = rest.readSlice(length: min(rest.readableBytes, Self.maximumSlice)),
            slice.readableBytes > 0
        {
            do {
                try session.write(slice)
            } catch {
                promise?.fail(error)
                return fail(error, context)
            }
            if rest.readableBytes > 0, let records = session.records(context.channel.allocator) {
                context.write(wrapOutboundOut(records), promise: nil)
            }
        }
        let last = session.records(context.channel.allocator) ?? ByteBuffer()
        context.write(wrapOutboundOut(last), promise: promise)
    }

    private func sendRecords(_ context: ChannelHandlerContext) {
        guard let records = session.records(context.channel.allocator) else { return }
        context.writeAndFlush(wrapOutboundOut(records), promise: nil)
    }

    /// libssl has written an alert where one is due.
    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        guard state != .ending, state != .closed else { return }
        end(context)
        context.fireErrorCaught(error)
    }

    private func end(_ context: ChannelHandlerContext) {
        guard state != .ending else { return }
        sendRecords(context)
        let wasFinished = state == .finished
        state = .ending
        failHeld()
        closeAfter(Self.farewellTime, context)
        if !wasFinished { context.close(mode: .output, promise: nil) }
        // What a stream left unread must not keep the end from being seen.
        context.channel.setOption(.autoRead, value: true).whenComplete { _ in }
    }

    private func closeAfter(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.becomeClosed()
            context.close(promise: nil)
        }
    }

    private func becomeClosed() {
        deadline?.cancel()
        deadline = nil
        state = .closed
        failHeld()
    }

    private func failHeld() {
        let held = held
        self.held = []
        for case .write(_, let promise) in held { promise?.fail(ChannelError.ioOnClosedChannel) }
        for case .finish(let promise) in held { promise?.fail(ChannelError.ioOnClosedChannel) }
    }
}
