import FoundationEssentials
import Postgres
import TenantProtocol

/// The streams of events, and what is missing in them.
package struct UsageStreams: Sendable {
    /// Pieces that are named of one stream; how many places there are is told whole.
    static let maximumPieces = 20

    /// Streams of one organisation. A tenant begins one with each boot, and one for each of its processes
    /// that run at a time: that many are decades of boots, or a sender that begins one with each batch.
    /// Batches that come at the same moment may pass it.
    package static let maximum = 10_000
    /// Until a sender that has reached it asks again, in seconds.
    static let refusalPause = 3_600

    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// Whether an organisation that sends another stream has as many as may be.
    package func isFull(org: UUID) async throws -> Bool {
        let rows = try await database.query(
            """
            SELECT count(*) >= \(Self.maximum) AS is_full FROM usage_streams s
            JOIN usage_orgs u ON u.key = s.org WHERE u.org_id = \(org)
            """)
        return try rows[0]["is_full"]
    }

    /// Of a row of `usage_streams`: what is neither received nor lost before the highest place that is known.
    package static let gaps: SQL =
        """
        int8multirange(int8range(1, coalesce(upper(received + lost), 1))) - received - lost
        """

    package struct Gap: Encodable, Sendable {
        package var slug: String
        package var orgID: String
        package var epoch: String
        /// The oldest, at most `maximumPieces`.
        package var missing: [SequenceRange]
        var missingPlaces: Int
        package var lost: [SequenceRange]
        var lostPlaces: Int
        var lastReceivedAt: Date

        package init(
            slug: String, orgID: String, epoch: String, missing: [SequenceRange], missingPlaces: Int,
            lost: [SequenceRange], lostPlaces: Int, lastReceivedAt: Date
        ) {
            self.slug = slug
            self.orgID = orgID
            self.epoch = epoch
            self.missing = missing
            self.missingPlaces = missingPlaces
            self.lost = lost
            self.lostPlaces = lostPlaces
            self.lastReceivedAt = lastReceivedAt
        }

        enum CodingKeys: String, CodingKey {
            case slug, epoch, missing, lost
            case orgID = "org_id"
            case missingPlaces = "missing_places"
            case lostPlaces = "lost_places"
            case lastReceivedAt = "last_received_at"
        }
    }

    /// Streams of which something is missing or was lost, what is missing first.
    /// - Parameter org: nil: of all.
    package func torn(org: UUID?, limit: Int) async throws -> [Gap] {
        try await database.query(
            """
            SELECT o.slug, o.id, s.epoch, s.last_received_at, \(Self.pieces("missing", Self.gaps)),
                \(Self.pieces("lost", "lost"))
            FROM usage_streams s JOIN usage_orgs u ON u.key = s.org JOIN orgs o ON o.id = u.org_id
            WHERE (NOT isempty(\(Self.gaps)) OR NOT isempty(lost)) AND (\(org) IS NULL OR o.id = \(org))
            ORDER BY isempty(\(Self.gaps)), s.last_received_at DESC, s.epoch LIMIT \(limit)
            """
        ).map { row in
            Gap(
                slug: try row["slug"], orgID: try row["id", as: UUID.self].text,
                epoch: try row["epoch", as: UUID.self].text, missing: try Self.ranges(row, "missing"),
                missingPlaces: try row["missing_places"], lost: try Self.ranges(row, "lost"),
                lostPlaces: try row["lost_places"], lastReceivedAt: try row["last_received_at"])
        }
    }

    private static func pieces(_ name: String, _ ranges: SQL) -> SQL {
        """
        ARRAY(SELECT lower(r) FROM unnest(\(ranges)) r LIMIT \(maximumPieces))
            AS \(identifier: name + "_from"),
        ARRAY(SELECT upper(r) - 1 FROM unnest(\(ranges)) r LIMIT \(maximumPieces))
            AS \(identifier: name + "_to"),
        (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM unnest(\(ranges)) r)
            AS \(identifier: name + "_places")
        """
    }

    /// Columns `<name>_from` and `<name>_to`, both ends included.
    package static func ranges(_ row: Row, _ name: String) throws -> [SequenceRange] {
        let ends = zip(
            try row["\(name)_from", as: [Int].self], try row["\(name)_to", as: [Int].self])
        return ends.map { SequenceRange(from: $0, to: $1) }
    }
}
