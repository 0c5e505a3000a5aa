import Foundation
import Postgres
import TestSupport
import Testing

@Suite struct PoolTests {
    @Test func neverOpensMoreThanItsBound() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.anotherPool(connections: 3)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 { group.addTask { try await pool.execute("SELECT pg_sleep(0.01)") } }
                try await group.waitForAll()
            }
            let sessions = try await database.pool.query(
                """
                SELECT count(*) AS open FROM pg_stat_activity
                WHERE datname = \(database.name) AND pid <> pg_backend_pid()
                """
            )
            #expect(try sessions[0]["open", as: Int.self] <= 3)
            #expect(pool.counts.inUse == 0)
            await pool.close()
        }
    }

    @Test func waitingTooLongNamesTheBoundAndTheLimit() async throws {
        try await withTestDatabase(migrated: false) { database in
            let configuration = PostgresConfiguration(
                url: database.url, maximumConnections: 1, waitLimit: .milliseconds(50))
            let pool = PostgresPool(configuration, logger: database.pool.logger)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { _ in try await pool.execute("SELECT 1") }
            }
            #expect(error?.isPoolExhausted == true)
            #expect(error!.message.contains("all 1 connections") && error!.message.contains("0.05 seconds"))
            await pool.close()
        }
    }

    @Test func cancellingEndsTheWaitAtOnce() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.anotherPool(connections: 1)
            try await pool.transaction { _ in
                let waiter = Task { try await pool.execute("SELECT 1") }
                try await eventually("a waiter") { pool.counts.waiting == 1 }
                let start = ContinuousClock.now
                waiter.cancel()
                await #expect(throws: CancellationError.self) { try await waiter.value }
                #expect(ContinuousClock.now - start < .seconds(5))
                #expect(pool.counts.waiting == 0)
            }
            await pool.close()
        }
    }

    @Test func anUnreachableServerIsReportedWithinTheWaitLimit() async throws {
        let configuration = PostgresConfiguration(
            url: "postgresql:///x?host=/nonexistent", waitLimit: .milliseconds(200))
        let pool = PostgresPool(configuration, logger: .init(label: "test"))
        let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1") }
        #expect(error?.isConnectionFailure == true)
        #expect(pool.counts.inUse == 0)
    }

    @Test func aMissingDatabaseFailsWithoutWaiting() async throws {
        try await withTestDatabase(migrated: false) { database in
            let url = databaseURL(database.url, database: "no_such_database")
            let configuration = PostgresConfiguration(url: url, waitLimit: .seconds(60))
            let pool = PostgresPool(configuration, logger: database.pool.logger)
            let error = await #expect(throws: PostgresError.self) { try await pool.execute("SELECT 1") }
            #expect(error?.message.contains("no_such_database") == true)
            #expect(error?.isConnectionFailure == false)
        }
    }

    @Test func anIdleSessionThatTheServerEndedIsReplacedSilently() async throws {
        try await withTestDatabase(migrated: false) { database in
            let pool = database.anotherPool(connections: 2)
            try await pool.execute("SELECT 1")
            try await database.pool.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = \(database.name) AND pid <> pg_backend_pid()
                """
            )
            try await Task.sleep(for: .milliseconds(200))
            try await pool.execute("SELECT 1")
            await pool.close()
        }
    }

    /// By TCP the server's farewell hides that it has hung up: a half-closed connection has an error of its
    /// own only once something was sent.
    @Test func everyIdleSessionOfAServerThatRestartedIsReplacedSilently() async throws {
        let cluster = try await PrivateCluster(port: try freePort())
        let pool = PostgresPool(
            PostgresConfiguration(url: cluster.url(), maximumConnections: 4),
            logger: .init(label: "test"))
        for _ in 0..<2 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await pool.execute("SELECT pg_sleep(0.2)") } }
                try await group.waitForAll()
            }
            #expect(pool.counts.idle == 4)
            try await cluster.restart()
        }
        await pool.close()
        try await cluster.remove()
    }

    @Test func aServerRestartIsADelayAndNotAnError() async throws {
        let cluster = try await PrivateCluster()
        var configuration = PostgresConfiguration(url: cluster.url(), maximumConnections: 4)
        configuration.waitLimit = .seconds(30)
        let pool = PostgresPool(configuration, logger: .init(label: "test"))
        try await pool.execute("CREATE TABLE ticks (tick int)")
        try await pool.execute("INSERT INTO ticks VALUES (1)")
        try await cluster.restart()
        #expect(try await pool.query("SELECT tick FROM ticks").count == 1)
        try await cluster.stopServer()
        async let late = pool.query("SELECT tick FROM ticks")
        try await Task.sleep(for: .milliseconds(300))
        try await cluster.startServer()
        #expect(try await late.count == 1)
        await pool.close()
        try await cluster.remove()
    }
}
