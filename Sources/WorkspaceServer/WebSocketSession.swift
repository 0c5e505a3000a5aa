import NIOCore
import NIOWebSocket

/// A WebSocket that says back what it hears, and asks from time to time whether anybody is there. Its end is
/// announced: 1012 (service restart) tells the client to connect again. Source: RFC 6455, and the IANA
/// registry of WebSocket close codes.
final class WebSocketSession: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private static let serviceRestart = WebSocketErrorCode(codeNumber: 1012)
    private static let pingPause = TimeAmount.seconds(20)
    /// For the other side to answer a close frame.
    private static let closingTime = TimeAmount.seconds(5)

    private var isClosing = false
    private var isAnswered = true
    private var pings: RepeatedTask?

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = context.loopBound
        let session = NIOLoopBound(self, eventLoop: context.eventLoop)
        pings = context.eventLoop.scheduleRepeatedTask(
            initialDelay: Self.pingPause, delay: Self.pingPause
        ) { _ in session.value.ping(bound.value) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { pings?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        pings?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        isAnswered = true
        switch frame.opcode {
        case .text, .binary, .continuation:
            guard !isClosing else { return }
            send(context, WebSocketFrame(fin: frame.fin, opcode: frame.opcode, data: frame.unmaskedData))
        case .ping: send(context, WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
        case .connectionClose:
            // The answer to this side's close, or to be answered with the same code.
            if !isClosing {
                send(context, .init(fin: true, opcode: .connectionClose, data: frame.unmaskedData))
            }
            isClosing = true
            context.close(promise: nil)
        default: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is DrainEvent, is ChannelShouldQuiesceEvent: close(context, Self.serviceRestart)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// Malformed frames: the handler before this one has told the client why.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { isClosing = true }

    private func ping(_ context: ChannelHandlerContext) {
        guard isAnswered else { return context.close(promise: nil) }
        isAnswered = false
        send(context, .init(fin: true, opcode: .ping, data: ByteBuffer()))
    }

    private func close(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        guard !isClosing else { return }
        isClosing = true
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        send(context, .init(fin: true, opcode: .connectionClose, data: data))
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.closingTime) { channel.close(promise: nil) }
    }

    private func send(_ context: ChannelHandlerContext, _ frame: WebSocketFrame) {
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}
