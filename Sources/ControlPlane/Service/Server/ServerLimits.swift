import Hummingbird
import HummingbirdCore
import NIOCore

/// What one connection may take of the service: header bytes, and time.
///
/// Bodies have their own limit, `RequestBody.maximumBytes`.
struct ServerLimits: Sendable {
    /// Bytes of one header field, its name and its value.
    static let maximumHeaderFieldBytes = 16 << 10
    /// Bytes of all header fields of one request.
    static let maximumHeaderBytes = 32 << 10
    static let maximumHeaderFields = 100
    /// Open connections of one process; those beyond wait in the socket's backlog.
    static let maximumConnections = 20_000

    /// For a request's head to arrive on a new connection, and for the next one on a kept connection.
    var idle: Duration = .seconds(75)
    /// From a request's head to the end of its body.
    var request: Duration = .seconds(30)
    /// For which a client may take nothing of an answer.
    var stalledReading: Duration = .seconds(30)
}

extension ServerLimits {
    /// The connection's handlers: the library's own limits, and those that it has no setting for.
    func channel() -> HTTP1Channel.Configuration {
        let limits = self
        return HTTP1Channel.Configuration(
            additionalChannelHandlers: [SlowClientHandler(limits)], idleTimeout: TimeAmount(idle),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: Self.maximumHeaderFieldBytes, maxHeaderListSize: Self.maximumHeaderBytes,
                maxHeaderFieldCount: Self.maximumHeaderFields))
    }
}
