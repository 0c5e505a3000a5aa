import Postgres

/// The database role that the service signs in as, where it is another than the one that migrates: it uses
/// the tables and owns none, and of the audit log it may read and add, and nothing else.
package struct ServiceRole: Sendable {
    package let name: String

    package init(name: String) {
        self.name = name
    }

    /// As the migrating role, after every migration. Can be repeated.
    package func grant(on database: PostgresPool) async throws {
        try await database.transaction { transaction in
            for statement in statements { try await transaction.execute(statement) }
        }
    }

    private var statements: [SQL] {
        [
            "GRANT USAGE ON SCHEMA public, audit TO \(identifier: name)",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \(identifier: name)",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO \(identifier: name)",
            "REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM \(identifier: name)",
            "GRANT EXECUTE ON FUNCTION usage_make_month(date), usage_drop_month(date) TO \(identifier: name)",
            "GRANT SELECT, INSERT ON audit.entries, audit.chain TO \(identifier: name)",
        ]
    }
}
