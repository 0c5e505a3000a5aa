import Foundation
import Logging
import Postgres
import TestSupport
import Testing
import Workflows

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// The governor's buckets, at times that the test chooses: a schema before `pg_catalog` says what `now()` is.
@Suite struct GovernorTests {
    private static let limit = ProviderLimit(name: "ec2/test/RunInstances", capacity: 5, perSecond: 2)

    /// A provider as it counts by itself.
    private struct Provider {
        var tokens: Double
        var at = 0.0
        let limit: ProviderLimit

        init(_ limit: ProviderLimit) {
            self.limit = limit
            tokens = limit.capacity
        }

        mutating func admits(at time: Double) -> Bool {
            tokens = min(limit.capacity, tokens + (time - at) * limit.perSecond)
            at = time
            guard tokens >= 1 else { return false }
            tokens -= 1
            return true
        }
    }

    private func atTimes(_ body: (Transaction, (Double) async throws -> Void) async throws -> Void)
        async throws
    {
        try await withTestDatabase { database in
            try await database.pool.execute("CREATE SCHEMA chosen")
            try await database.pool.execute(
                """
                CREATE FUNCTION chosen.now() RETURNS timestamptz LANGUAGE sql STABLE AS
                    $$ SELECT current_setting('chosen.now')::timestamptz $$
                """)
            try await database.pool.transaction { transaction in
                try await transaction.execute("SET LOCAL search_path = chosen, public, pg_catalog")
                try await body(transaction) { seconds in
                    _ = try await transaction.query(
                        """
                        SELECT set_config('chosen.now',
                            (timestamptz '2026-01-01' + make_interval(secs => \(seconds)))::text, true) AS t
                        """)
                }
            }
        }
    }

    private func ask(
        _ transaction: Transaction, _ holder: String, isRepeated: Bool = false
    ) async throws -> Double {
        let limit = Self.limit
        return try await transaction.query(
            """
            SELECT admit_call(\(limit.name), \(holder), \(limit.gap), \(limit.burst), \(isRepeated)) AS delay
            """)[0]["delay"]
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func noCallOfAnyArrivalIsRefusedByTheProvider(seed: UInt64) async throws {
        try await atTimes { transaction, setTime in
            var random = SeededRandom(seed)
            var events = (0..<300).map { (time: Double.random(in: 0...60, using: &random), holder: "h\($0)") }
            var admitted: [Double] = []
            var order: [String] = []
            while let next = events.min(by: { $0.time < $1.time }) {
                events.removeAll { $0.holder == next.holder }
                try await setTime(next.time)
                let delay = try await ask(transaction, next.holder)
                if delay <= 0 {
                    admitted.append(next.time)
                    order.append(next.holder)
                } else {
                    // Whoever asks again too early is told the same slot.
                    let again = try await ask(transaction, next.holder)
                    #expect(abs(again - delay) < 0.001)
                    events.append((next.time + delay, next.holder))
                }
            }
            #expect(Set(order).count == 300)
            var provider = Provider(Self.limit)
            let refused = admitted.sorted().filter { !provider.admits(at: $0) }
            #expect(refused.isEmpty)
            // 300 calls at 2/s, of which one in fifty is left unused.
            let last = admitted.max() ?? 0
            #expect(last <= 60 + 300 * Self.limit.gap)
            #expect(last >= (300 - Self.limit.burst) * Self.limit.gap - 1)
        }
    }

    @Test func aQueueIsServedInTheOrderOfItsArrivalAndUsesTheWholeRate() async throws {
        try await atTimes { transaction, setTime in
            try await setTime(0)
            var slots: [Double] = []
            for index in 0..<100 { slots.append(try await ask(transaction, "h\(index)")) }
            #expect(slots == slots.sorted())
            #expect(slots.prefix(Int(Self.limit.burst)).allSatisfy { $0 == 0 })
            let expected = (100 - Self.limit.burst) * Self.limit.gap
            #expect(abs(slots[99] - expected) < 0.01)
        }
    }

    @Test func aRepeatedCallGoesBeforeThoseThatWaitForTheirFirst() async throws {
        try await atTimes { transaction, setTime in
            try await setTime(0)
            for index in 0..<100 { _ = try await ask(transaction, "h\(index)") }
            let first = try await ask(transaction, "again", isRepeated: true)
            #expect(first <= Self.limit.gap)
            let second = try await ask(transaction, "again-2", isRepeated: true)
            #expect(second <= first + Self.limit.gap + 0.001 && second > 0)
        }
    }

    @Test func aThrottleAnswerEmptiesTheBucketAndMovesWhatWasPromised() async throws {
        try await atTimes { transaction, setTime in
            let limit = Self.limit
            try await setTime(0)
            var before: [Double] = []
            for index in 0..<10 { before.append(try await ask(transaction, "h\(index)")) }
            _ = try await transaction.query(
                "SELECT empty_bucket(\(limit.name), \(limit.gap), \(limit.burst), \(300.0)) AS done")
            for index in Int(limit.burst)..<10 {
                let after = try await ask(transaction, "h\(index)")
                #expect(abs(after - before[index] - 300) < 0.01)
            }
            #expect(try await ask(transaction, "new") >= 300)
            #expect(try await ask(transaction, "new-again", isRepeated: true) >= 300)
            try await setTime(301)
            #expect(try await ask(transaction, "h\(Int(limit.burst))") == 0)
        }
    }

    @Test func replicasSpendFromOneBucket() async throws {
        try await withTestDatabase { database in
            let other = database.anotherPool()
            let limit = ProviderLimit(name: "ec2/test/Slow", capacity: 10, perSecond: 0.001)
            let admitted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<40 {
                    let pool = index % 2 == 0 ? database.pool : other
                    group.addTask {
                        let delay = try await pool.query(
                            """
                            SELECT admit_call(\(limit.name), \("h\(index)"), \(limit.gap), \(limit.burst),
                                false) AS delay
                            """)[0]["delay", as: Double.self]
                        return delay <= 0
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            await other.close()
            // A transaction that began a moment earlier and came later finds the last token not yet there.
            #expect((Int(limit.burst) - 1...Int(limit.burst)).contains(admitted))
        }
    }

    @Test func aCallOutsideOfAWorkflowSaysWhenToComeBack() async throws {
        try await withTestDatabase { database in
            let governor = Governor(database: database.pool, limits: ProviderLimits())
            let limit = ProviderLimit(name: "ec2/test/Shut", capacity: 1, perSecond: 1)
            try await governor.admit(limit, "Describe")
            try await governor.throttled(limit, retryAfter: .seconds(120))
            let error = await #expect(throws: AppError.self) { try await governor.admit(limit, "Describe") }
            #expect(error?.code == "provider_busy")
            #expect((119...122).contains(error?.retryAfter ?? 0))
            let left = try await database.pool.query("SELECT 1 AS one FROM provider_reservations")
            #expect(left.isEmpty)
        }
    }

    @Test func everyOperationHasALimitOfItsGroup() {
        let limits = ProviderLimits(overrides: ["ec2.RunInstances": .init(capacity: 50, perSecond: 20)])
        #expect(limits.limit(of: "ec2", "RunInstances", scope: "r").perSecond == 20)
        #expect(limits.limit(of: "ec2", "DescribeInstances", scope: "r").name == "ec2/r/Describe")
        #expect(limits.limit(of: "ec2", "GetConsoleOutput", scope: "r").name == "ec2/r/Describe")
        #expect(limits.limit(of: "ec2", "CreateTags", scope: "r").name == "ec2/r/Tags")
        #expect(limits.limit(of: "ec2", "CreateSnapshot", scope: "r").name == "ec2/r/Other")
        #expect(limits.limit(of: "ssm", "GetCommandInvocation", scope: "r").name == "ssm/r/Other")
        let cloudflare = limits.limit(of: "cloudflare", "createTunnel", scope: "token-2")
        #expect(cloudflare.name == "cloudflare/token-2/Any")
    }

    /// Cloudflare counts calls in 5 minutes: what the bucket lets through in any such time stays below 1,200.
    @Test func cloudflaresWindowIsNeverFilled() {
        let limit = ProviderLimits().limit(of: "cloudflare", "x", scope: "token-1")
        #expect(limit.burst + 300 / limit.gap <= 1_200)
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
