import Glibc
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// Keeps the connection, which services need for the caller's address.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// One of the local cloud's plain HTTP listeners.
struct HTTPService: Service {
    typealias Handler = @Sendable (HTTPCall) async -> HTTPAnswer

    /// Largest body that any of the emulated services takes, in bytes.
    static let maximumBodyBytes = 1 << 20

    let name: String
    let host: String
    let port: Int
    let logger: Logger
    /// Told the port once it listens; with port 0 the kernel chose it.
    let listening: @Sendable (Int) -> Void
    let handler: Handler

    func run() async throws {
        let responder = CallbackResponder { (request: Request, context: ConnectionContext) in
            try await respond(to: request, context: context)
        }
        let application = Application(
            responder: responder,
            configuration: .init(address: .hostname(host, port: port), backlog: 1024),
            onServerRunning: { channel in listening(channel.localAddress?.port ?? port) },
            logger: logger)
        do {
            try await application.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw PortTaken(service: name, address: "\(host):\(port)")
        }
    }

    private func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let body = try await request.body.collect(upTo: Self.maximumBodyBytes)
        let target = request.head.path ?? "/"
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var headers = request.headers.map { (name: $0.name.rawName, value: $0.value) }
        if let authority = request.head.authority { headers.append(("host", authority)) }
        let call = HTTPCall(
            method: request.method.rawValue, path: String(halves[0]),
            query: halves.count > 1 ? String(halves[1]) : "", headers: headers,
            body: Array(body.readableBytesView), source: context.channel.remoteAddress?.ipAddress ?? "",
            channel: context.channel)
        return Response(await handler(call))
    }
}

extension Response {
    init(_ answer: HTTPAnswer) {
        var fields = HTTPFields()
        if let contentType = answer.contentType { fields[.contentType] = contentType }
        for header in answer.headers {
            if let name = HTTPField.Name(header.name) { fields[name] = header.value }
        }
        self.init(
            status: .init(code: answer.status), headers: fields,
            body: answer.body.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: answer.body)))
    }
}

struct PortTaken: Error, CustomStringConvertible {
    let service: String
    let address: String
    var description: String { "\(address), where \(service) would listen, is already taken" }
}
