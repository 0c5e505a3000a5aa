import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// One connection: ends it after an answer while the server drains, and turns it into a WebSocket when a
/// request asks for that, also after other requests. It stands between the HTTP codec and the server.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// For the client to close its side after the last answer.
    private static let lingeringTime = TimeAmount.seconds(2)

    private let connections: Connections
    private let upgrade: WebSocketUpgrade
    private var requestsInProgress = 0
    /// The answer under way is the connection's last.
    private var isLastAnswer = false
    /// The decoder reads nothing after a request that asks for another protocol.
    private var cannotGoOn = false
    /// Read up to its end before the connection changes.
    private var upgradeRequest: HTTPRequest?

    init(connections: Connections, upgrade: WebSocketUpgrade) {
        self.connections = connections
        self.upgrade = upgrade
    }

    func handlerAdded(context: ChannelHandlerContext) { connections.add(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let request):
            // A new WebSocket would only be closed again: its client finds the next server elsewhere.
            if requestsInProgress == 0, !connections.isDraining, upgrade.accepts(request) {
                upgradeRequest = request
                return
            }
            requestsInProgress += 1
            cannotGoOn = cannotGoOn || request.headerFields[.upgrade] != nil
        case .body:
            if upgradeRequest != nil { return }
        case .end:
            if let request = upgradeRequest {
                return upgrade.perform(request, on: context, before: self)
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var response) where response.status.kind != .informational:
            isLastAnswer = isLastAnswer || cannotGoOn || connections.isDraining
            if isLastAnswer { response.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(response)), promise: promise)
        case .end where isLastAnswer && requestsInProgress == 1:
            requestsInProgress = 0
            let written = promise ?? context.eventLoop.makePromise()
            let bound = context.loopBound
            written.futureResult.assumeIsolated().whenComplete { _ in self.end(bound.value) }
            context.write(data, promise: written)
        case .end:
            requestsInProgress -= 1
            context.write(data, promise: promise)
        default:
            context.write(data, promise: promise)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !(event is DrainEvent) { context.fireUserInboundEventTriggered(event) }
    }

    /// Says that nothing more comes, and closes when the client has taken notice, or soon.
    private func end(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.lingeringTime) { channel.close(promise: nil) }
    }
}
