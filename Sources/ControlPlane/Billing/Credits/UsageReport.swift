import AdminProtocol
import Arithmetic
import FoundationEssentials
import Postgres

/// What an organisation has used between two days, summed up by day, model or workspace.
package struct UsageReport: Sendable {
    package enum Grouping: String, Sendable, CaseIterable, Encodable { case day, model, workspace }

    package struct Row: Sendable, Encodable {
        /// By day: `2026-11-24`. By model: provider and model. By workspace: its id. The others are nil.
        package var day: String?
        package var provider: String?
        package var model: String?
        package var workspaceID: String?
        package var sums: Sums

        package init(
            day: String? = nil, provider: String? = nil, model: String? = nil, workspaceID: String? = nil,
            sums: Sums
        ) {
            self.day = day
            self.provider = provider
            self.model = model
            self.workspaceID = workspaceID
            self.sums = sums
        }

        enum CodingKeys: String, CodingKey {
            case day, provider, model
            case workspaceID = "workspace_id"
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(day, forKey: .day)
            try container.encodeIfPresent(provider, forKey: .provider)
            try container.encodeIfPresent(model, forKey: .model)
            try container.encodeIfPresent(workspaceID, forKey: .workspaceID)
            try sums.encode(to: encoder)
        }
    }

    package struct Sums: Sendable, Encodable, Equatable {
        package var events = 0
        var inputTokens = 0
        var outputTokens = 0
        var cachedTokens = 0
        var reasoningTokens = 0
        package var millicredits = 0

        package init(
            events: Int = 0, inputTokens: Int = 0, outputTokens: Int = 0, cachedTokens: Int = 0,
            reasoningTokens: Int = 0, millicredits: Int = 0
        ) {
            self.events = events
            self.inputTokens = inputTokens
            self.outputTokens = outputTokens
            self.cachedTokens = cachedTokens
            self.reasoningTokens = reasoningTokens
            self.millicredits = millicredits
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case events, millicredits
            case inputTokens = "input_tokens"
            case outputTokens = "output_tokens"
            case cachedTokens = "cached_tokens"
            case reasoningTokens = "reasoning_tokens"
        }

        static func += (sums: inout Sums, more: Sums) {
            sums.events +|= more.events
            sums.inputTokens +|= more.inputTokens
            sums.outputTokens +|= more.outputTokens
            sums.cachedTokens +|= more.cachedTokens
            sums.reasoningTokens +|= more.reasoningTokens
            sums.millicredits +|= more.millicredits
        }
    }

    package var range: DayRange
    package var grouping: Grouping
    package var rows: [Row]

    package init(range: DayRange, grouping: Grouping, rows: [Row]) {
        self.range = range
        self.grouping = grouping
        self.rows = rows
    }

    /// Rows at most: a narrower range, or another grouping, has fewer.
    package static let maximumRows = 10_000

    package var totals: Sums { rows.reduce(into: Sums()) { $0 += $1.sums } }
}

extension UsageReport {
    /// - Throws: `too_many_rows` (422).
    package init(of org: UUID, _ range: DayRange, by grouping: Grouping, _ database: any PostgresExecutor)
        async throws
    {
        let keys: SQL =
            switch grouping {
            case .day: "day"
            case .model: "provider, model"
            case .workspace: "workspace_id"
            }
        let rows = try await database.query(
            """
            SELECT \(keys), \(SQL.clampedSum("events")) AS events,
                \(SQL.clampedSum("input_tokens")) AS input_tokens,
                \(SQL.clampedSum("output_tokens")) AS output_tokens,
                \(SQL.clampedSum("cached_tokens")) AS cached_tokens,
                \(SQL.clampedSum("reasoning_tokens")) AS reasoning_tokens,
                \(SQL.clampedSum("millicredits")) AS millicredits
            FROM usage_days
            WHERE org_id = \(org) AND day >= \(range.from) AND day <= \(range.to)
            GROUP BY \(keys) ORDER BY \(keys) LIMIT \(Self.maximumRows + 1)
            """)
        guard rows.count <= Self.maximumRows else {
            throw AppError(
                .unprocessable, "too_many_rows",
                "More than \(Self.maximumRows) rows. Choose a shorter range, or group by day.")
        }
        self.init(range: range, grouping: grouping, rows: try rows.map { try Row($0, by: grouping) })
    }
}

extension UsageReport.Row {
    fileprivate init(_ row: Postgres.Row, by grouping: UsageReport.Grouping) throws {
        sums = UsageReport.Sums(
            events: try row["events"], inputTokens: try row["input_tokens"],
            outputTokens: try row["output_tokens"], cachedTokens: try row["cached_tokens"],
            reasoningTokens: try row["reasoning_tokens"], millicredits: try row["millicredits"])
        switch grouping {
        case .day: day = try row["day"]
        case .model: (provider, model) = (try row["provider"], try row["model"])
        case .workspace: workspaceID = try row["workspace_id"]
        }
    }
}

extension UsageReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case from, to, rows, totals
        case groupBy = "group_by"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(range.from, forKey: .from)
        try container.encode(range.to, forKey: .to)
        try container.encode(grouping, forKey: .groupBy)
        try container.encode(rows, forKey: .rows)
        try container.encode(totals, forKey: .totals)
    }
}

/// Days in UTC, both ends included, as `2026-11-24`.
package struct DayRange: Sendable, Equatable {
    package let from: String
    package let to: String

    package static let maximumDays = 366
    private static let secondsPerDay = 86_400

    /// Without ends: the present month so far.
    /// - Throws: `invalid_from` or `invalid_to` (400).
    package init(from: String?, to: String?, now: Date = Date()) throws {
        let today = String(now.formatted(.iso8601).prefix(10))
        self.to = try Self.day(to ?? today, "to").text
        let end = try Self.day(self.to, "to").start
        self.from = try Self.day(from ?? Month(containing: end).firstDay, "from").text
        let start = try Self.day(self.from, "from").start
        guard start <= end else {
            throw AppError.invalidField("from", "The parameter \"from\" is a day not after \"to\".")
        }
        guard (end.wholeSeconds - start.wholeSeconds) / Self.secondsPerDay < Self.maximumDays else {
            throw AppError.invalidField(
                "from", "From \"from\" to \"to\" are \(Self.maximumDays) days at most.")
        }
    }

    private static func day(_ text: String, _ name: String) throws -> (text: String, start: Date) {
        guard text.utf8.count == 10, let start = try? Date(text + "T00:00:00Z", strategy: .iso8601),
            start.formatted(.iso8601).hasPrefix(text), start.timeIntervalSince1970 >= 0,
            Date.storable.contains(start)
        else {
            throw AppError.invalidField(name, "The parameter \"\(name)\" is a day as 2026-11-24.")
        }
        return (text, start)
    }
}
