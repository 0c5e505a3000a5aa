import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// Sent = stored = aggregated, whatever happens on the way. USAGE_EVENTS says how many events are sent.
@Suite struct UsageLoadTests {
    private static let events = Int(ProcessInfo.processInfo.environment["USAGE_EVENTS"] ?? "") ?? 30_000

    @Test func everyEventCountsOnceWhileTheDatabaseRestarts() async throws {
        let cluster = try await PrivateCluster()
        let database = try await TestDatabase.create(migrated: true, on: cluster)
        let limits = #"{"tenant.credential": 0, "tenant.address": 0}"#
        try await TestService.run(["DATABASE_URL": cluster.url(), "RATE_LIMITS": limits]) { service in
            let tenants = try await Self.tenants(3, service)
            let load = UsageLoad(tenants: tenants, events: Self.events, seed: 20_261_124)
            #expect(load.repeated * 5 > load.events, "a fifth comes twice")
            let restarts = Restarts(cluster)
            let begin = ContinuousClock.now
            let lost = try await load.send(to: { service.url }, senders: 6) { done, all in
                try await restarts.due(done, of: all)
            }
            let seconds = (ContinuousClock.now - begin) / .seconds(1)
            #expect(await restarts.count == 3)
            #expect(lost > 0, "some answers were lost")
            try await Self.check(load, database.pool)
            print(
                "usage: \(load.events) events and \(load.repeated) of them twice, \(lost) answers lost, "
                    + "3 restarts, \(Int(seconds)) s: sent = stored = aggregated")
        }
        await database.drop()
        try await cluster.remove()
    }

    private static func check(_ load: UsageLoad, _ pool: PostgresPool) async throws {
        let stored = try await UsageLoad.stored(in: pool)
        #expect(stored.ids == load.events)
        #expect(stored.raw == load.expected)
        #expect(stored.hours == load.expected)
        #expect(stored.days == load.expectedDays)
        #expect(stored.gaps == 0)
        #expect(try await pool.query("SELECT FROM usage_set_aside").isEmpty)
    }

    private static func tenants(_ count: Int, _ service: TestService) async throws -> [UsageLoad.Tenant] {
        var tenants: [UsageLoad.Tenant] = []
        for index in 1...count {
            let (org, secrets) = try await service.launchedOrg(slug: "acme-\(index)")
            tenants.append(.init(org: org.id, token: secrets.adminToken))
        }
        return tenants
    }
}

/// Restarts the database at each quarter of the way: twice as an operator would, once as a crash does.
private actor Restarts {
    private let cluster: PrivateCluster
    private(set) var count = 0
    private var isUnderWay = false

    init(_ cluster: PrivateCluster) { self.cluster = cluster }

    func due(_ done: Int, of all: Int) async throws {
        guard !isUnderWay, count < 3, done * 4 >= all * (count + 1) else { return }
        (isUnderWay, count) = (true, count + 1)
        try await cluster.restart(crashing: count == 2)
        isUnderWay = false
    }
}
