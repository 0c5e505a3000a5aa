import AuditChain
import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Digests
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// The log as it is, sealed and disturbed by a superuser's hand.
@Suite struct AuditChainTests {
    /// Sealed one by one, as they would be with time between them.
    private static func log(
        _ count: Int, _ disturb: (PostgresPool) async throws -> Void = { _ in },
        _ body: ([ChainFinding]) throws -> Void
    ) async throws {
        try await withTestDatabase { database in
            for number in 1...count {
                try await record(number, database.pool)
                #expect(try await sealer(database.pool).sealAll() == 1)
            }
            // The triggers are in the way of a superuser too, until they are switched off.
            try await database.pool.execute("ALTER TABLE audit.entries DISABLE TRIGGER ALL")
            try await database.pool.execute("ALTER TABLE audit.chain DISABLE TRIGGER ALL")
            try await disturb(database.pool)
            try body(try await verify(database.pool))
        }
    }

    private static func record(_ number: Int, _ pool: PostgresPool) async throws {
        try await AuditLog(database: pool).record(
            AuditEvent(
                action: "org.created", org: UUID(), subject: "org-\(number)", after: ["n": .integer(number)]),
            by: RequestOrigin(kind: .operator, name: "anna\n\"ü\u{7f}\u{1}", address: "::1", requestID: "r"))
    }

    private static func sealer(_ pool: PostgresPool) -> AuditSealer {
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        return AuditSealer(database: pool, logger: logger)
    }

    /// As `cpctl audit verify` does, out of what the export would tell.
    private static func verify(
        _ pool: PostgresPool, expecting head: ChainVerifier.Head? = nil
    ) async throws -> [ChainFinding] {
        var verifier = ChainVerifier(expecting: head, now: Int(Date().timeIntervalSince1970))
        for line in try await lines(pool) { verifier.check(line) }
        verifier.finish()
        return verifier.findings
    }

    /// Through their text, as they cross the wire.
    private static func lines(_ pool: PostgresPool) async throws -> [ChainLine] {
        let reading = AuditReading(database: pool)
        let last = try await reading.lastSequence()
        let all =
            try await reading.links(after: 0, through: last, limit: 10_000)
            + (try await reading.unsealed(after: 0, limit: 10_000))
        return try all.map { try JSONDecoder().decode(ChainLine.self, from: Data($0.text.utf8)) }
    }

    @Test func aLogThatNobodyTouchedIsWhole() async throws {
        try await Self.log(5) { #expect($0 == []) }
    }

    @Test(
        arguments: [
            (
                "UPDATE audit.entries SET after = '{\"n\": 9}' WHERE subject = 'org-3'",
                ChainFinding.Kind.changed, 3
            ),
            ("UPDATE audit.entries SET actor_name = 'eve' WHERE subject = 'org-1'", .changed, 1),
            ("UPDATE audit.entries SET at = at + interval '1 us' WHERE subject = 'org-5'", .changed, 5),
            ("DELETE FROM audit.entries WHERE subject = 'org-2'", .removed, 2),
            ("UPDATE audit.chain SET hash = sha256('x') WHERE sequence = 3", .linkChanged, 3),
            ("UPDATE audit.chain SET sealed_at = sealed_at + interval '1 s' WHERE sequence = 4", .changed, 4),
        ] as [(SQL, ChainFinding.Kind, Int)])
    func oneChangeIsFoundWhereItIs(
        statement: SQL, kind: ChainFinding.Kind, sequence: Int
    ) async throws {
        try await Self.log(6) { pool in
            let count = try await pool.execute(statement)
            #expect(count == 1)
        } _: { findings in
            #expect(findings.map(\.kind) == [kind])
            #expect(findings.map(\.sequence) == [sequence])
            #expect(findings[0].text.contains("Entry \(sequence)"), "\(findings[0].text)")
        }
    }

    @Test func anEntryThatWentWithItsLinkLeavesAGap() async throws {
        try await Self.log(5) { pool in
            try await pool.execute("DELETE FROM audit.chain WHERE sequence = 3")
            try await pool.execute("DELETE FROM audit.entries WHERE subject = 'org-3'")
        } _: { findings in
            #expect(findings.map(\.kind) == [.linksRemoved])
            #expect(findings.map(\.sequence) == [3])
        }
    }

    @Test func twoEntriesThatChangedPlacesAreNamed() async throws {
        try await Self.log(6) { pool in
            // What they say changes places; ids and links stay.
            for (id, other) in [(2, 102), (5, 2), (102, 5)] {
                try await pool.execute(
                    """
                    INSERT INTO audit.entries OVERRIDING SYSTEM VALUE
                    SELECT \(other), xid, at, action, org_id, subject, actor_kind, actor_name, address,
                        request_id, before, after
                    FROM audit.entries WHERE id = \(id)
                    """)
                try await pool.execute("DELETE FROM audit.entries WHERE id = \(id)")
            }
        } _: { findings in
            #expect(findings.map(\.kind) == [.reordered])
            #expect(findings[0].text.contains("entry 5 stand in each other's place"), "\(findings[0].text)")
        }
    }

    @Test func anEntryFromTheMiddleIsFoundWhenItIsSealed() async throws {
        try await withTestDatabase { database in
            let (pool, sealer) = (database.pool, Self.sealer(database.pool))
            for number in 1...3 {
                try await Self.record(number, pool)
                try await sealer.sealAll()
            }
            try await pool.execute(
                """
                INSERT INTO audit.entries (at, action, subject, actor_kind, actor_name)
                VALUES (now() - interval '2 hours', 'org.created', 'forged', 'operator', 'anna')
                """)
            try await sealer.sealAll()
            let findings = try await Self.verify(pool)
            #expect(findings.map(\.kind) == [.insertedLate])
            #expect(findings[0].text.contains("forged"))
            // One that no link seals stands out as well.
            try await pool.execute(
                """
                INSERT INTO audit.entries (xid, at, action, subject, actor_kind, actor_name)
                VALUES ('1', now() - interval '1 hour', 'org.created', 'hidden', 'operator', 'anna')
                """)
            #expect(try await sealer.sealAll() == 0)
            let later = try await Self.verify(pool)
            #expect(later.contains { $0.kind == .unsealed })
        }
    }

    @Test func aChainWrittenAnewIsFoundByAHeadThatWasKept() async throws {
        try await withTestDatabase { database in
            let (pool, sealer) = (database.pool, Self.sealer(database.pool))
            for number in 1...4 { try await Self.record(number, pool) }
            try await sealer.sealAll()
            let head = try #require(try await Self.lines(pool).last)
            let kept = ChainVerifier.Head(sequence: head.sequence ?? 0, hash: head.hash ?? "")
            #expect(try await Self.verify(pool, expecting: kept) == [])
            try await pool.execute("ALTER TABLE audit.entries DISABLE TRIGGER ALL")
            try await pool.execute("ALTER TABLE audit.chain DISABLE TRIGGER ALL")
            try await pool.execute("UPDATE audit.entries SET subject = 'other' WHERE id = 2")
            try await pool.execute("DELETE FROM audit.chain")
            #expect(try await sealer.sealAll() == 4)
            #expect(try await Self.verify(pool) == [])
            let anew = try await Self.verify(pool, expecting: kept)
            #expect(anew.map(\.kind) == [.headChanged])
            try await pool.execute("DELETE FROM audit.chain WHERE sequence = 4")
            try await pool.execute("DELETE FROM audit.entries WHERE id = 4")
            let shortened = try await Self.verify(pool, expecting: kept)
            #expect(shortened.map(\.kind) == [.headChanged])
        }
    }

    /// Transactions that began earlier and commit later are sealed when they are there.
    @Test func lateCommitsAreSealedAndManySealersMakeOneChain() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            let (begun, begins) = AsyncStream.makeStream(of: Void.self)
            let (ended, ends) = AsyncStream.makeStream(of: Void.self)
            async let slow: Void = pool.transaction { transaction in
                try await AuditLog(database: transaction).record(
                    AuditEvent(action: "a.b", subject: "slow"), by: .service("test"))
                begins.finish()
                for await _ in ended {}
            }
            for await _ in begun {}
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 1...4 {
                    group.addTask {
                        for number in 1...50 { try await Self.record(writer * 100 + number, pool) }
                    }
                    group.addTask { for _ in 1...30 { try await Self.sealer(pool).sealAll() } }
                }
                try await group.waitForAll()
            }
            try await Self.sealer(pool).sealAll()
            ends.finish()
            try await slow
            #expect(try await Self.sealer(pool).sealAll() == 1)
            let lines = try await Self.lines(pool)
            #expect(lines.count == 201 && lines.last?.entry?.subject == "slow")
            let sequences = lines.map(\.sequence)
            #expect(sequences == Array(1...201))
            #expect(try await Self.verify(pool) == [])
        }
    }

    /// Python's json and hashlib come to the same hashes: whoever has an export needs none of this code.
    @Test func anotherImplementationComesToTheSameHashes() async throws {
        try await withTestDatabase { database in
            for number in 1...20 { try await Self.record(number, database.pool) }
            try await Self.sealer(database.pool).sealAll()
            struct Verdict: Decodable { var hash: String }
            let lines = try await Self.lines(database.pool)
            let verdicts = try Oracle.ask("audit_chain.py", lines, as: Verdict.self)
            #expect(verdicts.count == 20)
            let hashes = lines.map { $0.hash ?? "" }
            #expect(verdicts.map(\.hash) == hashes)
        }
    }
}
