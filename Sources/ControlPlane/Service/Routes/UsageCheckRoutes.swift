import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird

/// `/cp/admin/usage/check` and `/cp/admin/usage/rebuild`
struct UsageCheckRoutes: Sendable {
    let platform: Platform

    private var check: UsageCheck { UsageCheck(database: platform.database) }

    private struct Answer: Encodable {
        var months: [UsageCheck.Report]
    }

    /// `GET .../check?month=2026-11`; without one every month, the oldest first.
    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let months = try await months(request.uri.queryParameters["month"].map(String.init))
        var reports: [UsageCheck.Report] = []
        for month in months { reports.append(try await check.report(month)) }
        return try Response.json(Answer(months: reports))
    }

    struct Order: RequestFields {
        /// As `2026-11`.
        var month: String

        enum CodingKeys: String, CodingKey, CaseIterable { case month }
    }

    /// Makes the sums of one month anew where they differ; batches wait meanwhile.
    func rebuild(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        var reports: [UsageCheck.Report] = []
        for month in try await months(order.month) {
            reports.append(try await check.report(month, rebuild: true, by: context.origin))
        }
        return try Response.json(Answer(months: reports))
    }

    private func months(_ text: String?) async throws -> [Month] {
        guard let text else { return try await check.months() }
        guard let month = Month(text), month.text == text, month.year >= UsageMonths.earliestYear else {
            throw AppError.invalidField("month", "A month is written as 2026-11.")
        }
        return [month]
    }
}
