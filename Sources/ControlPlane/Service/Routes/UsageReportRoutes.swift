import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird
import Organisations

/// `.../orgs/:slug/usage`
struct UsageReportRoutes: Sendable {
    let platform: Platform

    /// `GET /cp/orgs/:slug/usage?from=&to=&group_by=&format=`
    func showOwn(_ request: Request, _ context: AppContext) async throws -> Response {
        try await show(try context.org(), request)
    }

    /// `GET /cp/admin/orgs/:slug/usage?from=&to=&group_by=&format=`
    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try await show(
            try await OrgStore(database: platform.database).require(slug: context.slug()), request)
    }

    private enum Format: String, CaseIterable { case json, csv }

    private func show(_ org: Org, _ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        let range = try DayRange(from: query["from"].map(String.init), to: query["to"].map(String.init))
        let grouping = try Self.word("group_by", request, UsageReport.Grouping.self) ?? .day
        let format = try Self.word("format", request, Format.self) ?? Self.accepted(request)
        let report = try await UsageReport(of: org.id, range, by: grouping, platform.database)
        guard format == .csv else { return try Response.json(report) }
        let name = "\(org.slug)-usage-\(range.from)-\(range.to)-\(grouping.rawValue).csv"
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8; header=present", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"\(name)\"",
            ], body: .init(byteBuffer: ByteBuffer(string: report.csv)))
    }

    /// A client that names text/csv, and does not name JSON before it, gets that.
    private static func accepted(_ request: Request) -> Format {
        let types = (request.headers[.accept] ?? "").lowercased().split(separator: ",").map {
            $0.prefix { $0 != ";" }.filter { $0 != " " }
        }
        return types.first { $0 == "text/csv" || $0 == "application/json" } == "text/csv" ? .csv : .json
    }

    private static func word<Word: CaseIterable & RawRepresentable<String>>(
        _ name: String, _ request: Request, _: Word.Type
    ) throws -> Word? {
        guard let text = request.uri.queryParameters[Substring(name)] else { return nil }
        guard let word = Word(rawValue: String(text)) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw AppError.invalidField(name, "The parameter \"\(name)\" is one of \(words).")
        }
        return word
    }
}
