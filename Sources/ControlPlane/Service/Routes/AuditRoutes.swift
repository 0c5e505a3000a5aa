import AdminProtocol
import AuditChain
import FoundationEssentials
import Hummingbird
import Organisations

/// `/cp/admin/audit`
struct AuditRoutes: Sendable {
    let platform: Platform

    static let listLimits = 1...500
    static let defaultList = 100
    /// How many lines of an export are read at once.
    static let exportPage = 1_000

    private var reading: AuditReading { AuditReading(database: platform.database) }

    private struct Page: Encodable {
        var entries: [AuditRecord]
        /// For `before`: the page behind this one; nil at the end.
        var next: Int?
    }

    /// `GET ...?org=&action=&actor=&subject=&since=&until=&before=&limit=`, newest first.
    func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultList
        let before = try request.number("before", in: 1...Int.max)
        let entries = try await reading.list(try AuditFilter(request), before: before, limit: limit)
        let next = entries.count == limit ? entries.last?.entry.id : nil
        return try Response.json(Page(entries: entries, next: next))
    }

    /// `GET .../export?after=`: the chain in order, then what is not sealed yet, as JSON lines.
    func export(_ request: Request, _ context: AppContext) async throws -> Response {
        let after = try request.number("after", in: 0...Int.max) ?? 0
        let last = try await reading.lastSequence()
        let body = ResponseBody { writer in
            try await write(after: after, through: last, &writer)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: body)
    }

    /// Page by page, so that a slow reader holds neither a connection nor a transaction.
    private func write(
        after: Int, through last: Int, _ writer: inout any ResponseBodyWriter
    ) async throws {
        var sequence = after
        while sequence < last {
            let page = try await reading.links(after: sequence, through: last, limit: Self.exportPage)
            guard let end = page.last?.sequence else { break }
            try await writer.write(Self.text(page))
            sequence = end
        }
        var id = 0
        while true {
            let page = try await reading.unsealed(after: id, limit: Self.exportPage)
            guard let end = page.last?.entryID else { return }
            try await writer.write(Self.text(page))
            id = end
        }
    }

    private static func text(_ lines: [ChainLine]) -> ByteBuffer {
        ByteBuffer(string: lines.map { $0.text + "\n" }.joined())
    }
}

extension AuditFilter {
    /// Longest value of a parameter, in characters.
    static let maximumLength = 200

    package init(_ request: Request) throws {
        func text(_ name: String) throws -> String? {
            guard let value = request.uri.queryParameters[Substring(name)] else { return nil }
            guard value.count <= Self.maximumLength, !value.isEmpty, !value.contains("\0") else {
                throw AppError.invalidField(
                    name, "The parameter \"\(name)\" has 1 to \(Self.maximumLength) characters.")
            }
            return String(value)
        }
        func time(_ name: String) throws -> Date? {
            guard let text = try text(name) else { return nil }
            let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            guard
                let date = (try? Date(text, strategy: .iso8601)) ?? (try? Date(text, strategy: fractional))
            else {
                throw AppError.invalidField(
                    name, "The parameter \"\(name)\" is a time as 2026-01-02T08:00:00Z.")
            }
            return date
        }
        let org = try text("org")
        self.init(
            org: org.flatMap(UUID.init(uuidString:)),
            slug: try org.flatMap { UUID(uuidString: $0) == nil ? try Slug($0).text : nil },
            action: try text("action"), actor: try text("actor"), subject: try text("subject"),
            since: try time("since"), until: try time("until"))
    }
}
