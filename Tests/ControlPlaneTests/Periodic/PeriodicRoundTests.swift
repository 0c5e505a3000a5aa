import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// A round attempts each thing by itself, and what fails stands where operators look.
@Suite struct PeriodicRoundTests {
    private struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    private static func round(_ pool: PostgresPool) async throws -> PeriodicRound {
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        return try await PeriodicRound(.overage, pool, logger)
    }

    private static func failures(_ pool: PostgresPool) async throws -> [PeriodicFailure] {
        try await PeriodicFailureStore(database: pool).list(nil, limit: 100)
    }

    @Test func whatFailsIsKeptUntilItIsDoneAndTheRestIsDoneMeanwhile() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            for count in 1...3 {
                let round = try await Self.round(pool)
                var done: [String] = []
                for name in ["a", "b", "c"] {
                    let value = try await round.attempt(name) {
                        if name == "b" { throw Refusal(description: "no \(count)") }
                        done.append(name)
                        return name
                    }
                    #expect(value == (name == "b" ? nil : name))
                }
                #expect(done == ["a", "c"])
                let kept = try await Self.failures(pool)
                #expect(kept.map(\.subject) == ["b"] && kept[0].failures == count)
                #expect(kept[0].error == "no \(count)" && kept[0].run == "overage")
            }
            try await Self.round(pool).attempt("b") {}
            #expect(try await Self.failures(pool).isEmpty)
        }
    }

    @Test func whatARoundDoesNotFindAnyMoreIsForgotten() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            let first = try await Self.round(pool)
            for name in ["x", "y"] { try await first.failed(name, Refusal(description: "no")) }
            let second = try await Self.round(pool)
            try await second.failed("y", Refusal(description: "no"))
            try await second.forgetRest()
            #expect(try await Self.failures(pool).map(\.subject) == ["y"])
            try await pool.execute("UPDATE periodic_failures SET last_at = now() - interval '8 days'")
            try await PeriodicFailureStore(database: pool).forgetOld()
            #expect(try await Self.failures(pool).isEmpty)
        }
    }

    @Test func anyTextCanBeKept() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            let long = String(repeating: "ü\0", count: 5_000)
            for _ in 0..<2 {
                let round = try await Self.round(pool)
                for subject in [long, "", "\0"] {
                    try await round.failed(subject, Refusal(description: long))
                }
            }
            let kept = try await Self.failures(pool)
            #expect(Set(kept.map(\.subject)) == [String(repeating: "ü", count: 200), "unnamed"])
            #expect(kept.allSatisfy { $0.error == String(repeating: "ü", count: 2_000) })
            let round = try await Self.round(pool)
            for subject in [long, ""] { try await round.attempt(subject) {} }
            #expect(try await Self.failures(pool).isEmpty)
        }
    }

    @Test func aRoundEndsWithItsTaskAndWithItsDatabaseAndForNothingElse() async throws {
        try await withTestDatabase { database in
            let pool = database.anotherPool()
            let round = try await Self.round(pool)
            await #expect(throws: CancellationError.self) {
                try await round.attempt("a") { throw CancellationError() }
            }
            // The connection breaks with this one thing: that is its failure.
            let broken: Void? = try await round.attempt("b") {
                _ = try await pool.query("SELECT pg_terminate_backend(pg_backend_pid())")
            }
            #expect(broken == nil)
            #expect(try await Self.failures(database.pool).map(\.subject) == ["b"])
            await pool.close()
            await #expect(throws: PostgresError.self) {
                try await round.attempt("c") { try await pool.execute("SELECT 1") }
            }
            #expect(try await Self.failures(database.pool).map(\.subject) == ["b"])
        }
    }

    // MARK: For operators

    @Test func operatorsSeeWhatFails() async throws {
        try await TestService.run { service in
            let path = "/cp/admin/periodic-failures"
            let org = try await service.org("acme", owner: "ada")
            #expect(try await service.send("GET", path).json["failures"]?.array == [])
            let round = try await Self.round(service.platform.database)
            try await round.failed("its month", org: org.id, Refusal(description: "no number"))
            let listed = try await service.send("GET", path + "?run=overage").json["failures"]?.array
            let failure = try #require(listed?.first?.object)
            #expect(failure["slug"]?.string == "acme" && failure["org_id"]?.string == org.id.text)
            #expect(failure["error"]?.string == "no number" && failure["failures"]?.number == 1)
            #expect(try await service.send("GET", path + "?run=reconciler").json["failures"]?.array == [])
            for query in ["run=strange", "limit=0", "limit=1001", "limit=9223372036854775808", "limit=-1"] {
                #expect(try await service.send("GET", "\(path)?\(query)").status == 400, "\(query)")
            }
            #expect(try await service.send("GET", path, token: nil).status == 401)
            let user = try await service.signIn("ada")
            #expect(try await user.send("GET", path).status == 401)
        }
    }
}
