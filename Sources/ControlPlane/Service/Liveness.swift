import AdminProtocol
import Hummingbird
import Postgres

/// Whether the service lives, and whether it can be sent traffic.
struct Liveness: Sendable {
    let platform: Platform

    func health(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(["service": "molecule-cp", "status": "ok"])
    }

    /// Ready to be sent traffic: the database answers.
    func ready(_ request: Request, _ context: AppContext) async throws -> Response {
        do {
            _ = try await platform.database.query("SELECT 1 AS one")
            return try Response.json(["status": "ready"])
        } catch {
            throw AppError(
                .notReady, "database_unavailable", "The database does not answer.", cause: error,
                retryAfter: 2)
        }
    }
}
