import AdminProtocol
import AuditChain
import FoundationEssentials
import Organisations
import Postgres

/// What a tenant is meant to run, and whether rollouts may touch it.
package struct Release: Sendable, Encodable {
    package var slug: String
    package var channel: String
    /// Overrides the channel's, and keeps rollouts of other images away.
    package var pinnedDigest: String?
    package var isOptedOut: Bool
    /// Rollouts pass the tenant by until then.
    package var maintenanceUntil: Date?

    enum CodingKeys: String, CodingKey {
        case slug, channel
        case pinnedDigest = "pinned_digest"
        case isOptedOut = "opted_out"
        case maintenanceUntil = "maintenance_until"
    }
}

extension Release {
    /// As the audit log keeps it.
    package var audited: [String: AuditValue] {
        [
            "channel": .string(channel), "pinned_digest": .text(pinnedDigest),
            "opted_out": .bool(isOptedOut), "maintenance_until": .text(maintenanceUntil?.formatted(.iso8601)),
        ]
    }
}

/// A named stream of releases: the tenants that follow it, and the image that it stands for.
package struct ReleaseChannel: Sendable, Encodable {
    package var name: String
    /// Of molecule-tenant; nil: the configured tag, whatever it stands for.
    package var digest: String?
    package var targetTag: String?
    package var tenants: Int
    package var updatedAt: Date

    enum CodingKeys: String, CodingKey {
        case name, digest, tenants
        case targetTag = "target_tag"
        case updatedAt = "updated_at"
    }

    /// `[a-z][a-z0-9-]{0,31}`
    package static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (0x61...0x7A).contains(first), text.utf8.count <= 32 else {
            return false
        }
        return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }
}

/// The rows of `release_channels`, and what `orgs` say about releases.
package struct ReleaseStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// The digest that the tenant is meant to run: its own, or its channel's; nil when neither is set.
    package func meantDigest(org: UUID) async throws -> String? {
        let rows = try await database.query(
            """
            SELECT coalesce(o.pinned_digest, c.digest) AS digest
            FROM orgs o JOIN release_channels c ON c.name = o.channel WHERE o.id = \(org)
            """)
        return try rows.first?["digest", as: String?.self]
    }

    package func find(_ org: Org) async throws -> Release {
        let row = try await database.query(
            """
            SELECT channel, pinned_digest, is_opted_out, maintenance_until FROM orgs WHERE id = \(org.id)
            """)[0]
        return Release(
            slug: org.slug, channel: try row["channel", as: String.self],
            pinnedDigest: try row["pinned_digest", as: String?.self],
            isOptedOut: try row["is_opted_out", as: Bool.self],
            maintenanceUntil: try row["maintenance_until", as: Date?.self])
    }

    package func save(_ release: Release, of org: Org) async throws {
        do {
            try await database.execute(
                """
                UPDATE orgs SET channel = \(release.channel), pinned_digest = \(release.pinnedDigest),
                    is_opted_out = \(release.isOptedOut), maintenance_until = \(release.maintenanceUntil),
                    updated_at = now()
                WHERE id = \(org.id)
                """)
        } catch let error as PostgresError where error.sqlState == "23503" {
            throw AppError(
                .unprocessable, "channel_not_found",
                "There is no channel \"\(release.channel)\". GET /cp/admin/channels lists them.")
        }
    }

    package func channels() async throws -> [ReleaseChannel] {
        let rows = try await database.query(
            """
            SELECT name, digest, target_tag, updated_at, (
                SELECT count(*)::int FROM orgs WHERE channel = c.name AND status = 'running') AS tenants
            FROM release_channels c ORDER BY name
            """)
        return try rows.map { row in
            ReleaseChannel(
                name: try row["name"], digest: try row["digest", as: String?.self],
                targetTag: try row["target_tag", as: String?.self], tenants: try row["tenants"],
                updatedAt: try row["updated_at"])
        }
    }

    package func channel(_ name: String) async throws -> ReleaseChannel? {
        try await channels().first { $0.name == name }
    }

    /// Makes the channel where there is none.
    package func set(_ name: String, digest: String?, targetTag: String?) async throws {
        try await database.execute(
            """
            INSERT INTO release_channels (name, digest, target_tag) VALUES (\(name), \(digest), \(targetTag))
            ON CONFLICT (name) DO UPDATE SET digest = EXCLUDED.digest, target_tag = EXCLUDED.target_tag,
                updated_at = now()
            """)
    }
}
