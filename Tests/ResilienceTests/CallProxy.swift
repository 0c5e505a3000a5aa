import CurlHTTP
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import TestSupport

/// Stands between a control plane and everything that it calls, and before the control plane itself, so that
/// instances find it again after a restart.
final class CallProxy: Sendable {
    let url: String
    private let service: Task<Void, any Error>

    init(_ handler: CallHandler) async throws {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "proxy")
        logger.logLevel = .critical
        let app = Application(
            responder: CallbackResponder { (request: Request, context: ConnectionContext) in
                try await handler.answer(request, context.channel)
            },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { listening.yield($0.localAddress?.port ?? 0) }, logger: logger)
        service = Task { try await app.run() }
        guard let port = await ports.first(where: { _ in true }) else {
            throw TestSupportError("the proxy does not listen")
        }
        url = "http://127.0.0.1:\(port)"
    }

    func close() async {
        service.cancel()
        _ = await service.result
    }

    /// Where a control plane is told that everything is.
    var environment: [String: String] {
        [
            "CP_PUBLIC_URL": url, "REGISTRY_URL": url, "AWS_ENDPOINT_URL": "\(url)/aws",
            "CLOUDFLARE_API_URL": "\(url)/cloudflare", "STRIPE_API_URL": "\(url)/stripe",
            "EDGE_URL": "\(url)/edge/{slug}",
        ]
    }
}

struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// What the proxy does with each request.
struct CallHandler: Sendable {
    let cloud: [String: String]
    let http: HTTPClient
    let trace: Trace
    let gate: Gate
    /// URL of a control plane that answers; nil while none does.
    let front: @Sendable () -> String?
    /// Ends the control plane by SIGKILL.
    let kill: @Sendable () -> Void

    /// How long a service stays silent: longer than every time limit of the control plane's clients.
    static let silence: Duration = .seconds(35)

    func answer(_ request: Request, _ channel: any Channel) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        guard let call = Call(request, body: Array(body.readableBytesView)) else {
            return Response(status: .notFound)
        }
        guard call.provider != .front else { return try await relay(call) ?? Response(status: .badGateway) }
        try await gate.pass(call.name)
        switch trace.reach(.call, call.name) {
        case nil: return try await relay(call) ?? Response(status: .badGateway)
        case .crash(let side):
            if side == .after { _ = try await relay(call) }
            kill()
            return hangUp(channel)
        case .fault(let fault): return try await commit(fault, call, channel)
        }
    }

    private func commit(_ fault: Fault, _ call: Call, _ channel: any Channel) async throws -> Response {
        switch fault {
        case .reset:
            // A linger of nothing ends the connection with RST.
            try await (channel as? any SocketOptionProvider)?
                .setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            return hangUp(channel)
        case .lostReply:
            _ = try await relay(call)
            return hangUp(channel)
        case .silence:
            _ = try await relay(call)
            try await Task.sleep(for: Self.silence)
            return hangUp(channel)
        case .malformed:
            _ = try await relay(call)
            return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "<<half an ans")))
        case .status500, .status503, .throttle, .hidden:
            return call.answer(to: fault) ?? Response(status: .badGateway)
        }
    }

    /// Whatever is returned goes nowhere any more.
    private func hangUp(_ channel: any Channel) -> Response {
        channel.close(promise: nil)
        return Response(status: .noContent)
    }

    /// - Returns: nil when nobody answers.
    private func relay(_ call: Call) async throws -> Response? {
        guard let target = call.target(cloud, front: front()) else { return nil }
        if let token = call.launchToken { trace.launched(token) }
        var request = CurlHTTP.HTTPRequest(call.method, target, headers: call.headers, body: call.body)
        request.timeout = .seconds(60)
        request.maximumResponseBytes = 8 << 20
        guard let answer = try? await http.send(request) else { return nil }
        var fields = HTTPFields()
        for field in answer.headers where !Call.hopByHop.contains(field.name.lowercased()) {
            if let name = HTTPField.Name(field.name) { fields.append(.init(name: name, value: field.value)) }
        }
        return Response(
            status: .init(code: answer.status), headers: fields,
            body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
    }
}
