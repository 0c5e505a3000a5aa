import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations

/// `/cp/admin/periodic-failures`: what periodic runs could not do, and leave behind until they can.
struct PeriodicRoutes: Sendable {
    static let listLimits = 1...1_000
    static let defaultList = 100

    let platform: Platform

    /// `GET ...?run=&limit=`, the latest first.
    func failures(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultList
        let run = try request.uri.queryParameters["run"].map { text in
            guard let run = PeriodicRun(rawValue: String(text)) else {
                let names = PeriodicRun.allCases.map(\.rawValue).joined(separator: ", ")
                throw AppError.invalidField("run", "One of: \(names).")
            }
            return run
        }
        let failures = try await platform.quickReads {
            try await PeriodicFailureStore(database: $0).list(run, limit: limit)
        }
        return try Response.json(["failures": failures])
    }
}
