import AdminProtocol
import FoundationEssentials
import Postgres
import TenantProtocol

/// The rows of counted events, their sums and their streams: one statement takes a batch, and is its own
/// transaction.
struct UsageStore: Sendable {
    let database: any PostgresExecutor

    package struct Outcome: Sendable {
        package var accepted: Int
        package var setAside: Int
        /// Places of this batch that had been received before.
        var overlap: [ClosedRange<Int>]
        package var missing: [SequenceRange]

        package init(accepted: Int, setAside: Int, overlap: [ClosedRange<Int>], missing: [SequenceRange]) {
            self.accepted = accepted
            self.setAside = setAside
            self.overlap = overlap
            self.missing = missing
        }
    }

    /// Counts what has not counted before, sets aside what is new of the rest, and marks the places received.
    ///
    /// The organisation's row in `usage_orgs` is locked first: batches of one organisation come one after
    /// another, so that those after it see its places and sums, and none waits for another in a circle. The
    /// statement may have begun before the batch that it waited for was committed: what depends on that
    /// batch is therefore decided by conflicts and by updated rows, never by what a SELECT of this statement
    /// sees.
    /// - Returns: nil, with nothing done, for an organisation that has never sent anything (`addOrg` first),
    ///   and for another stream than those that it has where these are as many as may be.
    /// - Throws: `UsageConflict`, when the batch should be inserted again.
    func insert(_ usage: JudgedUsage) async throws -> Outcome? {
        let columns = UsageColumns(usage.counted)
        let rows: [Row]
        do {
            rows = try await database.query(
                """
                WITH \(Self.places(usage)), \(Self.counted(usage, columns)), \(Self.groups(columns)),
                    \(Self.stored), \(SetAsideStore.inserted(usage))
                \(Self.answer)
                """)
        } catch let error as PostgresError {
            throw Self.described(error)
        }
        return try rows.first.map { row in
            Outcome(
                accepted: try row["accepted"], setAside: try row["set_aside"],
                overlap: try UsageStreams.ranges(row, "overlap").map { $0.from...$0.to },
                missing: try UsageStreams.ranges(row, "missing"))
        }
    }

    /// - Throws by its caller: `stream_torn` (409), a `UsageConflict`, or the error itself.
    private static func described(_ error: PostgresError) -> any Error {
        guard error.constraint != "usage_streams_pieces" else {
            return AppError(
                .conflict, "stream_torn",
                "The stream is torn into too many pieces. Send what is missing, name it as lost, or go on "
                    + "with a new epoch.")
        }
        return UsageConflict(error) ?? error
    }

    /// - Returns: whether it was new.
    @discardableResult
    func addOrg(_ org: UUID) async throws -> Bool {
        try await database.execute(
            "INSERT INTO usage_orgs (org_id) VALUES (\(org)) ON CONFLICT (org_id) DO NOTHING") == 1
    }
}

/// What stood in a batch's way and does not when it is inserted again.
enum UsageConflict: Error {
    /// A month that no event was of before: its partition is missing.
    case missingMonth
    /// Another batch has just named a model for the first time.
    case newModel

    init?(_ error: PostgresError) {
        switch error.sqlState {
        // "no partition of relation found for row" names no constraint.
        case "23514" where error.constraint == nil: self = .missingMonth
        case "23502": self = .newModel
        default: return nil
        }
    }
}

// MARK: Parts of the statement

extension UsageStore {
    /// `own`: the organisation, locked. `stream`: its places with this batch's; `overlap` holds those that
    /// had been received before. Without an epoch there is no row.
    private static func places(_ usage: JudgedUsage) -> SQL {
        let epoch = usage.sent.epoch
        let lost = multirange(usage.sent.lost)
        let received = multirange(usage.sent.places.map { [$0] } ?? [])
        return """
            own AS (
                UPDATE usage_orgs u SET last_received_at = now()
                WHERE org_id = \(usage.org) AND (\(epoch)::uuid IS NULL
                    OR EXISTS (SELECT FROM usage_streams WHERE org = u.key AND epoch = \(epoch)::uuid)
                    OR (SELECT count(*) FROM usage_streams WHERE org = u.key) < \(UsageStreams.maximum))
                RETURNING key, org_id
            ), stream AS (
                INSERT INTO usage_streams AS s (org, epoch, received, lost)
                SELECT key, \(epoch), \(received)::int8multirange,
                    \(lost)::int8multirange - \(received)::int8multirange
                FROM own WHERE \(epoch) IS NOT NULL
                ON CONFLICT (org, epoch) DO UPDATE SET
                    overlap = s.received * excluded.received,
                    received = s.received + excluded.received,
                    lost = s.lost + excluded.lost - (s.received + excluded.received),
                    last_received_at = now()
                RETURNING overlap, received, lost
            )
            """
    }

    /// `counted`: the events whose place and id are both new.
    private static func counted(_ usage: JudgedUsage, _ columns: UsageColumns) -> SQL {
        """
        sent AS MATERIALIZED (
            SELECT own.key AS org, e.* FROM own, unnest(
                \(columns.ids), \(columns.times), \(columns.offsets), \(columns.groups),
                \(columns.input), \(columns.output), \(columns.cached), \(columns.reasoning),
                \(columns.millicredits)
            ) AS e (id, microseconds, place, number, input, output, cached, reasoning, millicredits)
            WHERE NOT coalesce((SELECT overlap FROM stream), '{}')
                @> (place + \(usage.sent.sequence ?? 0))
        ), fresh AS (
            INSERT INTO usage_event_ids (org, id) SELECT org, id FROM sent
            ON CONFLICT DO NOTHING RETURNING id
        ), counted AS MATERIALIZED (SELECT sent.* FROM sent JOIN fresh USING (id))
        """
    }

    /// `groups`: hour, workspace and model of what sums up together. A model that another batch has just
    /// named stays null, which the tables refuse.
    private static func groups(_ columns: UsageColumns) -> SQL {
        """
        wanted AS MATERIALIZED (
            SELECT * FROM unnest(\(columns.providers), \(columns.models))
                WITH ORDINALITY AS w (provider, model, number)
        ), named AS (
            INSERT INTO usage_models (provider, model)
            SELECT provider, model FROM wanted w WHERE NOT EXISTS (
                SELECT FROM usage_models m WHERE m.provider = w.provider AND m.model = w.model)
            ON CONFLICT DO NOTHING RETURNING key, provider, model
        ), groups AS MATERIALIZED (
            SELECT g.number, to_timestamp(g.hour * 3600) AS hour, g.workspace_id, w.provider, w.model,
                coalesce(m.key, n.key) AS key
            FROM unnest(\(columns.groupHours), \(columns.groupWorkspaces), \(columns.groupModels))
                WITH ORDINALITY AS g (hour, workspace_id, model, number)
            LEFT JOIN wanted w ON w.number = g.model
            LEFT JOIN usage_models m ON m.provider = w.provider AND m.model = w.model
            LEFT JOIN named n ON n.provider = w.provider AND n.model = w.model
        )
        """
    }

    /// The raw rows, and their sums by hour and by day.
    private static var stored: SQL {
        """
        raw AS (
            INSERT INTO usage_events (occurred_at, millicredits, id, workspace_id, org, model,
                input_tokens, output_tokens, cached_tokens, reasoning_tokens)
            SELECT timestamptz 'epoch' + c.microseconds * interval '1 microsecond', c.millicredits, c.id,
                g.workspace_id, c.org, g.key, c.input, c.output, c.cached, c.reasoning
            FROM counted c LEFT JOIN groups g ON g.number = c.number
        ), sums AS MATERIALIZED (
            SELECT own.org_id, g.hour, g.workspace_id, g.provider, g.model, s.* FROM (
                SELECT org, number, count(*) AS events, sum(input) AS input, sum(output) AS output,
                    sum(cached) AS cached, sum(reasoning) AS reasoning, sum(millicredits) AS millicredits
                FROM counted GROUP BY org, number
            ) s JOIN own ON own.key = s.org LEFT JOIN groups g ON g.number = s.number
        ), hours AS (
            INSERT INTO usage_hours AS a (org_id, hour, workspace_id, provider, model, \(Self.amounts))
            SELECT org_id, hour, workspace_id, provider, model, events, input, output, cached, reasoning,
                millicredits
            FROM sums ON CONFLICT (org_id, hour, workspace_id, provider, model) DO UPDATE SET \(Self.added)
        ), days AS (
            INSERT INTO usage_days AS a (org_id, day, workspace_id, provider, model, \(Self.amounts))
            SELECT org_id, (hour AT TIME ZONE 'UTC')::date, workspace_id, provider, model, sum(events),
                sum(input), sum(output), sum(cached), sum(reasoning), sum(millicredits)
            FROM sums GROUP BY 1, 2, 3, 4, 5
            ON CONFLICT (org_id, day, workspace_id, provider, model) DO UPDATE SET \(Self.added)
        )
        """
    }

    private static var answer: SQL {
        """
        SELECT (SELECT count(*) FROM counted) AS accepted, (SELECT count(*) FROM aside) AS set_aside,
            overlap.*, missing.*
        FROM own, (
            SELECT \(Self.ends("overlap")) FROM (SELECT unnest(overlap) AS r FROM stream) pieces
        ) overlap, (
            SELECT \(Self.ends("missing")) FROM (
                SELECT unnest(\(UsageStreams.gaps)) AS r FROM stream LIMIT \(UsageReceipt.maximumMissing)
            ) pieces
        ) missing
        """
    }

    /// Of ranges `r`, both ends included.
    private static func ends(_ name: String) -> SQL {
        """
        coalesce(array_agg(lower(r) ORDER BY r), '{}') AS \(identifier: name + "_from"),
            coalesce(array_agg(upper(r) - 1 ORDER BY r), '{}') AS \(identifier: name + "_to")
        """
    }

    static let amounts: SQL =
        "events, input_tokens, output_tokens, cached_tokens, reasoning_tokens, millicredits"

    static let added: SQL =
        """
        events = a.events + excluded.events, input_tokens = a.input_tokens + excluded.input_tokens,
            output_tokens = a.output_tokens + excluded.output_tokens,
            cached_tokens = a.cached_tokens + excluded.cached_tokens,
            reasoning_tokens = a.reasoning_tokens + excluded.reasoning_tokens,
            millicredits = a.millicredits + excluded.millicredits
        """

    static func multirange(_ ranges: [ClosedRange<Int>]) -> String {
        "{" + ranges.map { "[\($0.lowerBound),\($0.upperBound)]" }.joined(separator: ",") + "}"
    }
}

extension SentUsage {
    /// nil without a stream, or without events.
    package var places: ClosedRange<Int>? {
        guard let sequence, !events.isEmpty else { return nil }
        return sequence...(sequence + events.count - 1)
    }
}
