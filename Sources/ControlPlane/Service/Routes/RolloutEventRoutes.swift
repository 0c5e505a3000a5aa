import AdminProtocol
import Fleet
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Postgres
import ServiceLifecycle

/// `GET /cp/admin/rollouts/:id/events`: what has happened and what happens, as server-sent events.
///
/// Each event has its sequence as `id`: a client that connects again with `Last-Event-ID` goes on behind it.
/// The stream ends when the rollout has, with an event `end` that carries the rollout.
struct RolloutEventRoutes: Sendable {
    let platform: Platform

    /// How often the stream looks for news.
    static let interval: Duration = .milliseconds(500)
    static let maximumStream: Duration = .seconds(3_600)
    /// A comment line this often keeps proxies from closing a silent stream.
    static let keepAlive: Duration = .seconds(15)
    static let pageSize = 500

    func stream(_ request: Request, _ context: AppContext) async throws -> Response {
        guard let id = UUID(uuidString: try context.parameters.require("id")),
            try await RolloutStore(database: platform.database).find(id) != nil
        else { throw AppError.rolloutNotFound }
        let last = request.headers[.lastEventID].flatMap { Int($0) } ?? 0
        let body = ResponseBody { writer in
            try await follow(id, after: last, &writer)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    private func follow(_ id: UUID, after last: Int, _ writer: inout any ResponseBodyWriter) async throws {
        let rollouts = RolloutStore(database: platform.database)
        var last = last
        var quietSince = ContinuousClock.now
        let end = ContinuousClock.now + Self.maximumStream
        while ContinuousClock.now < end, !Task.isShuttingDownGracefully {
            // Read first: whatever happens after it ended comes with another look.
            guard let rollout = try await rollouts.find(id) else { return }
            let events = try await rollouts.events(id, after: last, limit: Self.pageSize)
            for event in events {
                try await writer.write(try Self.text(event.event, id: event.sequence, event))
                (last, quietSince) = (event.sequence, .now)
            }
            if rollout.state.isFinal, events.isEmpty {
                let view = try await RolloutReading(database: platform.database).view(rollout)
                return try await writer.write(try Self.text("end", id: last, view))
            }
            if ContinuousClock.now - quietSince > Self.keepAlive {
                try await writer.write(ByteBuffer(string: ": waiting\n\n"))
                quietSince = .now
            }
            if events.count < Self.pageSize { try await Task.sleep(for: Self.interval) }
        }
    }

    private static func text(_ name: String, id: Int, _ value: some Encodable) throws -> ByteBuffer {
        let json = String(decoding: try JSONEncoder.wire.encode(value), as: UTF8.self)
        return ByteBuffer(string: "id: \(id)\nevent: \(name)\ndata: \(json)\n\n")
    }
}

extension HTTPField.Name {
    static let lastEventID = HTTPField.Name("Last-Event-ID")!
}
