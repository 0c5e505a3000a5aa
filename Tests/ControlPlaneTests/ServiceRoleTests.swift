import Logging
import Postgres
import TestSupport
import Testing

@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// As on a hosted PostgreSQL: whoever migrates is no superuser, and the service signs in as another role.
@Suite struct ServiceRoleTests {
    private static func pool(_ cluster: PrivateCluster, _ user: String, _ database: String = "cp") -> (
        url: String, pool: PostgresPool
    ) {
        let url = cluster.url(database: database).replacing("user=postgres", with: "user=\(user)")
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        return (url, PostgresPool(PostgresConfiguration(url: url, maximumConnections: 4), logger: logger))
    }

    /// - Parameter migrator: how the migrating role is made.
    private static func run(
        migrator: SQL,
        _ body: @Sendable (_ migrator: PostgresPool, _ service: PostgresPool, String) async throws -> Void
    ) async throws {
        let cluster = try await PrivateCluster()
        let admin = pool(cluster, "postgres", "postgres").pool
        try await admin.execute(migrator)
        try await admin.execute("CREATE ROLE service LOGIN")
        try await admin.execute("CREATE DATABASE cp OWNER migrator")
        let (_, migrating) = pool(cluster, "migrator")
        let (url, service) = pool(cluster, "service")
        try await Migrator(directory: "\(packageRoot)/migrations").migrate(on: migrating)
        for _ in 1...2 { try await ServiceRole(name: "service").grant(on: migrating) }
        try await body(migrating, service, url)
        for pool in [admin, migrating, service] { await pool.close() }
        try await cluster.remove()
    }

    private static let attacks: [SQL] = [
        "UPDATE audit.entries SET action = 'x'", "DELETE FROM audit.entries", "TRUNCATE audit.entries",
        "UPDATE audit.chain SET sequence = 9", "DELETE FROM audit.chain", "TRUNCATE audit.chain",
        "ALTER TABLE audit.entries DISABLE TRIGGER ALL", "DROP TRIGGER append_only ON audit.entries",
        "DROP TABLE audit.entries", "DROP SCHEMA audit CASCADE",
        "ALTER TABLE audit.entries ALTER COLUMN action DROP NOT NULL",
        "CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE controlplane_audit", "GRANT controlplane_audit TO service",
    ]

    @Test func theServiceAddsToTheLogAndDoesNothingElseToIt() async throws {
        try await Self.run(migrator: "CREATE ROLE migrator LOGIN CREATEROLE") { migrator, service, url in
            try await TestService.run(["DATABASE_URL": url]) { running in
                let created = try await running.send(
                    "POST", "/cp/admin/orgs", body: #"{"slug":"acme","name":"A","owner_user_id":"u"}"#)
                #expect(created.status == 201)
                try await eventually("the sealing") { try await running.count("audit.chain") == 1 }
            }
            for attack in Self.attacks {
                let error = await #expect(throws: PostgresError.self) { try await service.execute(attack) }
                #expect(error?.sqlState == "42501", "\(String(describing: error))")
            }
            #expect(try await service.query("SELECT * FROM audit.entries").count == 1)
            #expect(try await AuditPrivileges(service).isOwner == false)
            // Whoever may make roles may make itself the owner: not the role to run the service as.
            #expect(try await AuditPrivileges(migrator).isOwner)
        }
    }

    /// Without the right to make roles the triggers alone stand in the way, and the service says so.
    @Test func aMigratorWithoutRolesStaysTheOwner() async throws {
        try await Self.run(migrator: "CREATE ROLE migrator LOGIN") { migrator, service, _ in
            try await AuditLog(database: service).record(
                AuditEvent(action: "a.b", subject: "s"), by: .service("test"))
            for pool in [migrator, service] {
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.execute("DELETE FROM audit.entries")
                }
                #expect(error?.sqlState == "42501")
            }
            #expect(try await AuditPrivileges(service).isOwner == false)
            #expect(try await AuditPrivileges(migrator).isOwner)
        }
    }
}
