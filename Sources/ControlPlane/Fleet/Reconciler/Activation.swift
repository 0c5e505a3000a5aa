import FoundationEssentials
import Postgres

extension Reconciler {
    /// Why the reconciler runs. Times are the database's.
    package enum Activation: Sendable {
        /// So long after the last run began.
        case timer(Duration)
        /// Once for each signal, by whichever replica comes first.
        /// - Parameter at: when it was given, as PostgreSQL writes it in JSON.
        case signal(at: String)
        /// At once, for somebody who waits for the answer.
        case person

        /// On the row of `reconciler_lease`.
        package var isDue: SQL {
            switch self {
            case .timer(let interval):
                "last_started_at <= now() - make_interval(secs => \(interval / .seconds(1)))"
            case .signal(let time): "last_started_at < \(time)::timestamptz"
            case .person: "true"
            }
        }
    }

    /// What a signal asks for, as it is sent to every replica.
    package struct Order: Codable, Sendable {
        package var mode: Mode
        package var deletesUnknown: Bool
        package var orderedAt: String

        package init(mode: Mode, deletesUnknown: Bool, orderedAt: String) {
            self.mode = mode
            self.deletesUnknown = deletesUnknown
            self.orderedAt = orderedAt
        }

        enum CodingKeys: String, CodingKey {
            case mode
            case deletesUnknown = "deletes_unknown"
            case orderedAt = "ordered_at"
        }
    }

    private static let channel = "reconciler"
    /// A signal that finds a run under way is tried again this often, until it is carried out or this late.
    private static let retryPause: Duration = .seconds(1)
    private static let patience: Duration = .seconds(900)

    /// Tells all replicas; one of them runs it.
    /// - Returns: when, as PostgreSQL writes it.
    package func signal(_ mode: Mode, deletesUnknown: Bool) async throws -> String {
        let rows = try await fleet.database.query(
            """
            SELECT now_json AS ordered_at, pg_notify(\(Self.channel), json_build_object('mode',
                \(mode.rawValue)::text, 'deletes_unknown', \(deletesUnknown)::boolean,
                'ordered_at', now_json)::text)
            FROM (SELECT to_json(now()) #>> '{}' AS now_json) AS clock
            """)
        return try rows[0]["ordered_at"]
    }

    /// One signal after the other; those that came during a run that began later are carried out by it.
    func runBySignal() async {
        for await payload in fleet.database.listen(to: Self.channel) {
            guard let order = try? JSONDecoder().decode(Order.self, from: Data(payload.utf8)) else {
                continue
            }
            await carryOut(order)
        }
    }

    private func carryOut(_ order: Order) async {
        let deadline = ContinuousClock.now + Self.patience
        while !Task.isCancelled, ContinuousClock.now < deadline {
            do {
                let done = try await perform(
                    order.mode, .signal(at: order.orderedAt), deletesUnknown: order.deletesUnknown)
                if done != nil { return }
                if try await !isWaiting(order) { return }
            } catch let error as PostgresError where error.isConnectionFailure {
                // The database is away: the signal waits for it.
            } catch {
                fleet.logger.error("reconciler failed", metadata: ["error": "\(error)"])
                return
            }
            try? await Task.sleep(for: Self.retryPause)
        }
    }

    /// Whether no run has begun since.
    private func isWaiting(_ order: Order) async throws -> Bool {
        let rows = try await fleet.database.query(
            "SELECT last_started_at < \(order.orderedAt)::timestamptz AS waits FROM reconciler_lease")
        return try rows[0]["waits"]
    }
}
