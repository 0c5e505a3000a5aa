import Logging
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose client sends its request too slowly, or takes nothing of the answer: whoever
/// trickles bytes must not hold a connection, and what belongs to it, for as long as they like.
///
/// Lives on its connection's event loop.
final class SlowClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ServerLimits
    private var requestDeadline: Scheduled<Void>?
    private var readingDeadline: Scheduled<Void>?

    init(_ limits: ServerLimits) { self.limits = limits }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: requestDeadline = closing(context, after: limits.request)
        case .body: break
        case .end: clear(&requestDeadline)
        }
        context.fireChannelRead(data)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            clear(&readingDeadline)
        } else if readingDeadline == nil {
            readingDeadline = closing(context, after: limits.stalledReading)
        }
        context.fireChannelWritabilityChanged()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        clear(&requestDeadline)
        clear(&readingDeadline)
    }

    private func closing(_ context: ChannelHandlerContext, after time: Duration) -> Scheduled<Void> {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
    }

    private func clear(_ deadline: inout Scheduled<Void>?) {
        deadline?.cancel()
        deadline = nil
    }
}
