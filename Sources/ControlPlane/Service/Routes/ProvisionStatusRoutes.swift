import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import ServiceLifecycle

/// `/cp/admin/orgs/:slug/provision-status`, once or as server-sent events.
struct ProvisionStatusRoutes: Sendable {
    let platform: Platform

    /// How often a stream looks for news.
    static let interval: Duration = .milliseconds(300)
    /// The longest that one stream stays open; a client that still wants more connects again.
    static let maximumStream: Duration = .seconds(1_800)
    /// A comment line this often keeps proxies from closing a silent stream.
    static let keepAlive: Duration = .seconds(15)

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: platform.database).require(slug: context.slug())
        return try Response.json(try await ProvisionStatus(of: org, platform.fleet))
    }

    /// Ends when the service shuts down; the client connects again.
    /// `event: stage` for each new report, `event: status` whenever the status changes and at the end.
    func stream(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: platform.database).require(slug: context.slug())
        let body = ResponseBody { writer in
            try await follow(org, &writer)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    private func follow(_ org: Org, _ writer: inout any ResponseBodyWriter) async throws {
        var stages: [String: String] = [:]
        var lastStatus: Org.Status?
        let end = ContinuousClock.now + Self.maximumStream
        var quietSince = ContinuousClock.now
        while ContinuousClock.now < end, !Task.isShuttingDownGracefully {
            let status = try await current(org)
            for stage in status.stages where stages[stage.stage.rawValue] != stage.outcome.rawValue {
                stages[stage.stage.rawValue] = stage.outcome.rawValue
                try await writer.write(try event("stage", stage))
                quietSince = .now
            }
            if status.status != lastStatus {
                lastStatus = status.status
                try await writer.write(try event("status", status))
                quietSince = .now
            }
            if status.isFinal { return }
            if ContinuousClock.now - quietSince > Self.keepAlive {
                try await writer.write(ByteBuffer(string: ": waiting\n\n"))
                quietSince = .now
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    private func current(_ org: Org) async throws -> ProvisionStatus {
        let latest = try await OrgStore(database: platform.database).find(id: org.id) ?? org
        return try await ProvisionStatus(of: latest, platform.fleet)
    }

    private func event(_ name: String, _ value: some Encodable) throws -> ByteBuffer {
        let json = String(decoding: try JSONEncoder.wire.encode(value), as: UTF8.self)
        return ByteBuffer(string: "event: \(name)\ndata: \(json)\n\n")
    }
}
