import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `.../orgs/:slug/export`: what the platform holds of an organisation. What its tenant holds is not here.
struct OrgExportRoutes: Sendable {
    let platform: Platform

    /// `GET /cp/admin/orgs/:slug/export`
    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try await export(
            try await OrgStore(database: platform.database).require(slug: context.slug()), context)
    }

    /// `GET /cp/orgs/:slug/export`
    func showOwn(_ request: Request, _ context: AppContext) async throws -> Response {
        try await export(try context.org(), context)
    }

    /// One JSON object with a list for every part. The audit log comes last, page by page.
    private func export(_ org: Org, _ context: AppContext) async throws -> Response {
        try await AuditLog(database: platform.database).record(
            AuditEvent(action: "org.exported", org: org.id, subject: org.slug), by: context.origin)
        let parts = try await OrgExport(database: platform.database, org: org.id).texts()
        let body = ResponseBody { writer in
            try await writer.write(ByteBuffer(string: "{" + parts.joined(separator: ",") + ",\"audit\":["))
            try await writeAudit(of: org.id, &writer)
            try await writer.write(ByteBuffer(string: "]}"))
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "application/json", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(org.slug).json\"",
            ], body: body)
    }

    /// Newest first.
    private func writeAudit(of org: UUID, _ writer: inout any ResponseBodyWriter) async throws {
        let reading = AuditReading(database: platform.database)
        var before: Int?
        repeat {
            let page = try await reading.list(
                AuditFilter(org: org), before: before, limit: OrgExport.auditPage)
            let text = page.map { $0.entry.value.canonical }.joined(separator: ",")
            if before != nil, !page.isEmpty { try await writer.write(ByteBuffer(string: ",")) }
            try await writer.write(ByteBuffer(string: text))
            before = page.count == OrgExport.auditPage ? page.last?.entry.id : nil
        } while before != nil
    }
}
