import AdminProtocol
import FoundationEssentials
import Postgres

/// How many organisations one user and one address make in a day. Exact, unlike the limits of requests: it is
/// counted in the signup's own transaction, and a signup that fails is not counted.
struct SignupLimits: Sendable {
    let limits: RateLimits
    let database: any PostgresExecutor

    /// - Throws: `signup_limit` (429).
    func take(user: String, address: String?) async throws {
        try await take("user/\(user)", limits.signupsPerUserDay, "user")
        guard let address else { return }
        try await take("address/\(IPAddress.subscriber(of: address))", limits.signupsPerAddressDay, "address")
    }

    private func take(_ bucket: String, _ limit: Int, _ of: String) async throws {
        guard limit > 0 else { return }
        let row = try await database.query(
            """
            INSERT INTO signup_counts AS known (bucket, day, count)
            VALUES (\(bucket), (now() AT TIME ZONE 'UTC')::date, 1)
            ON CONFLICT (bucket, day) DO UPDATE SET count = known.count + 1
            RETURNING count, ceil(extract(epoch FROM
                date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day'
                - (now() AT TIME ZONE 'UTC')))::int AS seconds
            """)[0]
        guard try row["count", as: Int.self] > limit else { return }
        throw AppError(
            .tooManyRequests, "signup_limit",
            "One \(of) makes at most \(limit) organisations a day. Try again tomorrow (UTC).",
            retryAfter: try row["seconds", as: Int.self])
    }

    /// Days behind which nothing counts any more.
    static func forget(_ database: any PostgresExecutor) async throws {
        try await database.execute(
            "DELETE FROM signup_counts WHERE day < (now() AT TIME ZONE 'UTC')::date - 1")
    }
}
