import CurlHTTP
import Foundation
import Postgres

/// What several tenants use of models, sent as the worst network would: batches twice, out of order, by many
/// senders at once, with answers that nobody waits for, until each was answered once.
package struct UsageLoad: Sendable {
    package struct Tenant: Sendable {
        package var org: UUID
        package var token: String

        package init(org: UUID, token: String) {
            self.org = org
            self.token = token
        }
    }

    private struct Batch: Sendable {
        var tenant: Tenant
        var body: [UInt8]
        var count: Int
    }

    /// Sums of one hour, workspace and model: events, tokens by kind, millicredits.
    package typealias Sums = [String: [Int]]

    private let batches: [Batch]
    package let events: Int
    /// Of all that is sent, how many are sent again.
    package let repeated: Int
    package let expected: Sums

    /// - Parameters:
    ///   - events: in all; each once in a stream of its tenant.
    ///   - time: when the last has occurred.
    package init(tenants: [Tenant], events: Int, seed: UInt64, time: Date = .now) {
        var random = UsageRandom(state: seed)
        var expected: Sums = [:]
        var batches: [Batch] = []
        for tenant in tenants {
            var writer = UsageWriter(tenant: tenant.org, time: time, seed: random.next())
            var left = events / tenants.count
            while left > 0 {
                let count = min(left, Int.random(in: 1...1_000, using: &random))
                batches.append(
                    Batch(tenant: tenant, body: writer.batch(count, into: &expected), count: count))
                left -= count
            }
        }
        self.events = batches.reduce(0) { $0 + $1.count }
        // The fewest that are a fourth of the events.
        var again: [Batch] = []
        var repeated = 0
        for batch in batches.shuffled(using: &random) where repeated * 4 < self.events {
            again.append(batch)
            repeated += batch.count
        }
        self.repeated = repeated
        self.batches = (batches + again).shuffled(using: &random)
        self.expected = expected
    }

    /// Sends everything until it was answered 200, whatever happens meanwhile.
    /// - Parameters:
    ///   - url: of the control plane; nil while there is none.
    ///   - progress: told after each answer how many batches of how many were answered.
    /// - Returns: how many answers were lost or were no success.
    @discardableResult
    package func send(
        to url: @escaping @Sendable () -> String?, senders: Int,
        progress: @escaping @Sendable (Int, Int) async throws -> Void = { _, _ in }
    ) async throws -> Int {
        let http = HTTPClient()
        defer { http.shutdown() }
        let next = BatchQueue(count: batches.count)
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<senders {
                group.addTask {
                    var lost = 0
                    while let index = await next.take() {
                        lost += try await deliver(batches[index], index, url, http)
                        try await progress(await next.finished(), batches.count)
                    }
                    return lost
                }
            }
            return try await group.reduce(0, +)
        }
    }

    private func deliver(
        _ batch: Batch, _ index: Int, _ url: @Sendable () -> String?, _ http: HTTPClient
    ) async throws -> Int {
        var lost = 0
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            if let url = url() {
                var request = HTTPRequest(
                    "POST", "\(url)/cp/llm-usage-events",
                    headers: [
                        HTTPField("Authorization", "Bearer \(batch.tenant.token)"),
                        HTTPField("X-Molecule-Org-Id", batch.tenant.org.uuidString.lowercased()),
                        HTTPField("Content-Type", "application/json"),
                    ])
                request.body = batch.body
                // Every eighth answer is not waited for: the batch may be on the disk all the same.
                request.timeout = lost == 0 && index % 8 == 0 ? .milliseconds(3) : .seconds(30)
                let answer = try? await http.send(request)
                if answer?.status == 200 { return lost }
                if let status = answer?.status, status < 500 {
                    throw TestSupportError(
                        "a batch refused: \(status) \(String(decoding: answer?.body ?? [], as: UTF8.self))"
                    )
                }
            }
            lost += 1
            try await Task.sleep(for: .milliseconds(20))
        }
        throw TestSupportError("a batch was not taken for two minutes")
    }
}

private actor BatchQueue {
    private let count: Int
    private var taken = 0
    private var done = 0

    init(count: Int) { self.count = count }

    func take() -> Int? {
        guard taken < count else { return nil }
        taken += 1
        return taken - 1
    }

    func finished() -> Int {
        done += 1
        return done
    }
}

// MARK: What the platform has of it

extension UsageLoad {
    /// What is stored, by the same keys as `expected`, from the raw rows and from each table of sums.
    package struct Stored: Sendable {
        package var ids: Int
        package var raw: Sums
        package var hours: Sums
        /// Without their hours.
        package var days: Sums
        /// Pieces of streams that are missing.
        package var gaps: Int
    }

    package static func stored(in pool: PostgresPool) async throws -> Stored {
        let ids = try await pool.query("SELECT count(*)::int AS n FROM usage_event_ids")
        let gaps = try await pool.query(
            """
            SELECT count(*)::int AS n FROM usage_streams
            WHERE received <> int8multirange(int8range(1, upper(received))) OR lost <> '{}'
            """)
        let amounts: SQL =
            """
            sum(input_tokens)::bigint AS i, sum(output_tokens)::bigint AS o, sum(cached_tokens)::bigint AS c,
            sum(reasoning_tokens)::bigint AS r, sum(millicredits)::bigint AS m
            """
        let raw = try await pool.query(
            """
            SELECT floor(extract(epoch FROM occurred_at) / 3600)::bigint || ' ' || workspace_id || ' '
                || m.provider || ' ' || m.model AS key, count(*) AS n, \(amounts)
            FROM usage_events e JOIN usage_models m ON m.key = e.model GROUP BY 1
            """)
        let hours = try await pool.query(
            """
            SELECT floor(extract(epoch FROM hour) / 3600)::bigint || ' ' || workspace_id || ' '
                || provider || ' ' || model AS key, sum(events)::bigint AS n, \(amounts)
            FROM usage_hours GROUP BY 1
            """)
        let days = try await pool.query(
            """
            SELECT (day - date '1970-01-01') || ' ' || workspace_id || ' ' || provider || ' ' || model AS key,
                sum(events)::bigint AS n, \(amounts)
            FROM usage_days GROUP BY 1
            """)
        return Stored(
            ids: try ids[0]["n"], raw: try sums(raw), hours: try sums(hours), days: try sums(days),
            gaps: try gaps[0]["n"])
    }

    private static func sums(_ rows: [Row]) throws -> Sums {
        try rows.reduce(into: [:]) { sums, row in
            sums[try row["key"]] = try ["n", "i", "o", "c", "r", "m"].map { try row[$0, as: Int.self] }
        }
    }

    /// `expected` by day instead of by hour.
    package var expectedDays: Sums {
        expected.reduce(into: [:]) { days, entry in
            var words = entry.key.split(separator: " ").map(String.init)
            words[0] = "\(Int(words[0])! / 24)"
            let key = words.joined(separator: " ")
            days[key] = zip(days[key] ?? [0, 0, 0, 0, 0, 0], entry.value).map(+)
        }
    }
}
