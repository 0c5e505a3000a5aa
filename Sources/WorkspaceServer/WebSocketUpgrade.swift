import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// `GET /ws`: from HTTP to WebSocket frames. Source: RFC 6455, section 4.2.
struct WebSocketUpgrade: Sendable {
    static let path = "/ws"
    /// Longest message that a client may send, in bytes.
    static let maximumFrameBytes = 64 << 10

    /// Who may have one.
    let orgID: String?

    func accepts(_ request: HTTPRequest) -> Bool {
        let path = request.path?.prefix { $0 != "?" } ?? ""
        return request.method == .get && path == Self.path
            && request.headerFields[.upgrade]?.lowercased() == "websocket"
            && TenantAdmission.admits(orgID, path: String(path), request.headerFields)
    }

    /// Answers 101, takes the HTTP handlers out, and puts a session in their place. What stands behind
    /// `handler` stays and sees nothing any more but the connection's end.
    func perform(
        _ request: HTTPRequest, on context: ChannelHandlerContext, before handler: ConnectionHandler
    ) {
        let bound = context.loopBound
        let unbound = NIOLoopBound(handler, eventLoop: context.eventLoop)
        // NIO's own upgrader works out the answer; it could not be asked before, on a connection in use.
        NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        ).buildUpgradeResponse(
            channel: context.channel, upgradeRequest: Self.head(request), initialResponseHeaders: [:]
        ).whenComplete { result in
            let context = bound.value
            switch result {
            case .success(let headers):
                Self.answer(headers, context)
                Self.change(context, before: unbound.value)
            case .failure:
                let refusal = HTTPResponse(
                    status: .badRequest, headerFields: [.connection: "close", .contentLength: "0"])
                context.write(NIOAny(HTTPResponsePart.head(refusal)), promise: nil)
                context.writeAndFlush(NIOAny(HTTPResponsePart.end(nil)), promise: nil)
                context.close(promise: nil)
            }
        }
    }

    private static func head(_ request: HTTPRequest) -> HTTPRequestHead {
        let headers = HTTPHeaders(request.headerFields.map { ($0.name.rawName, $0.value) })
        return HTTPRequestHead(
            version: .http1_1, method: .GET, uri: request.path ?? path, headers: headers)
    }

    private static func answer(_ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
        var response = HTTPResponse(status: .switchingProtocols)
        for (name, value) in headers {
            if let name = HTTPField.Name(name) {
                response.headerFields.append(.init(name: name, value: value))
            }
        }
        context.write(NIOAny(HTTPResponsePart.head(response)), promise: nil)
        context.writeAndFlush(NIOAny(HTTPResponsePart.end(nil)), promise: nil)
    }

    private static func change(_ context: ChannelHandlerContext, before handler: ConnectionHandler) {
        let pipeline = context.pipeline.syncOperations
        let bound = NIOLoopBound(handler, eventLoop: context.eventLoop)
        let channel = context.channel
        do {
            let removals = try [
                pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self),
                pipeline.context(handlerType: HTTPResponseEncoder.self),
                pipeline.context(handlerType: HTTP1ToHTTPServerCodec.self),
            ].map { pipeline.removeHandler(context: $0) }
            EventLoopFuture.andAllSucceed(removals, on: context.eventLoop).assumeIsolated()
                .flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandlers(
                        [
                            WebSocketFrameEncoder(),
                            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: maximumFrameBytes)),
                            WebSocketProtocolErrorHandler(), WebSocketSession(),
                        ], position: .before(bound.value))
                }.whenFailure { _ in channel.close(promise: nil) }
        } catch {
            channel.close(promise: nil)
        }
    }
}
