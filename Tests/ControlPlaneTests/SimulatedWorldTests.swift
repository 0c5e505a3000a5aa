import CurlHTTP
import Foundation
import Synchronization
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Providers
@testable import Service
@testable import WireText

/// The simulated providers keep the real limits, and what must not be is noticed when it is: rules that
/// cannot break prove nothing.
@Suite struct SimulatedWorldTests {
    @Test func theBucketOfRunInstancesAdmitsFiveAndThenTwoASecond() {
        var bucket = TokenBucket(capacity: 5, perSecond: 2)
        let atOnce = (0..<10).filter { _ in bucket.take(at: 0) }.count
        let later = (1...100).filter { bucket.take(at: $0 * 100_000) }.count
        #expect(atOnce == 5)
        #expect(later == 20)
    }

    @Test func oneCallTooManyClosesCloudflareForFiveMinutes() {
        var window = BlockingWindow()
        for call in 0..<1_200 { #expect(window.refusal(at: call * 1_000) == nil) }
        #expect(window.refusal(at: 2_000_000) == 300)
        #expect(window.refusal(at: 301_000_000) == 1 + 1)
        #expect(window.refusal(at: 302_000_001) == nil)
    }

    @Test func aClientTokenLaunchesOnceAndAChangedOrderIsRefused() {
        let world = SmallWorld()
        let first = world.launch(token: "a", org: "o1", type: "t3.medium")
        let again = world.launch(token: "a", org: "o1", type: "t3.medium")
        let changed = world.launch(token: "a", org: "o1", type: "t3.large")
        #expect(first.status == 200 && again.text == first.text)
        #expect(changed.status == 400 && changed.text.contains("IdempotentParameterMismatch"))
        #expect(world.tally.counts.launches == 1)
        #expect(world.tally.counts.violations.isEmpty)
    }

    @Test func aSecondInstanceOfAnOrganisationIsAViolation() {
        let world = SmallWorld()
        _ = world.launch(token: "a", org: "o1", type: "t3.medium")
        _ = world.launch(token: "b", org: "o1", type: "t3.medium")
        #expect(world.tally.counts.violations.map(\.rule) == ["one instance"])
    }

    @Test func theAgendaGivesTheEarliestFirstAndKeepsTheOrderOfEquals() {
        var agenda = Agenda()
        for (sequence, time) in [5, 3, 5, 1, 3].enumerated() {
            agenda.insert(.init(time: time, sequence: sequence))
        }
        var order: [Int] = []
        while let first = agenda.first {
            order.append(first.sequence)
            agenda.removeFirst()
        }
        #expect(order == [3, 1, 4, 0, 2])
    }

    @Test func timeJumpsToTheNextEventAndOneTaskRunsAtATime() async throws {
        let scheduler = Scheduler()
        let seen = Mutex<[String]>([])
        for name in ["b", "a"] {
            scheduler.start(after: .seconds(name == "a" ? 1 : 2)) {
                seen.withLock { $0.append("\(name) \(scheduler.now)") }
                try? await scheduler.sleep(.seconds(10))
                seen.withLock { $0.append("\(name) \(scheduler.now)") }
            }
        }
        while let step = scheduler.next() { await scheduler.carryOut(step) }
        #expect(seen.withLock { $0 } == ["a 1000000", "b 2000000", "a 11000000", "b 12000000"])
    }

    @Test func aPausedPartyComesLateAndAnEndedOneNotAtAll() async throws {
        let scheduler = Scheduler()
        let (paused, ended) = (scheduler.newParty(), scheduler.newParty())
        let seen = Mutex<[String]>([])
        for party in [paused, ended] {
            scheduler.start(after: .seconds(1), party: party) {
                do {
                    try await scheduler.sleep(.seconds(1), party: party)
                    seen.withLock { $0.append("\(party) woke at \(scheduler.now)") }
                } catch {
                    seen.withLock { $0.append("\(party) waited in vain") }
                }
            }
        }
        scheduler.start(after: .milliseconds(1_500)) {
            scheduler.pause(paused, for: .seconds(10))
            scheduler.end(ended)
        }
        while let step = scheduler.next() { await scheduler.carryOut(step) }
        #expect(
            seen.withLock { $0 } == ["\(ended) waited in vain", "\(paused) woke at 11500000"])
    }
}

private struct SmallWorld {
    let tally = Tally()
    let ec2: SimulatedEC2

    init() { ec2 = SimulatedEC2(seed: 1, hidden: .zero, tally: tally) { _ in } }

    func launch(token: String, org: String, type: String) -> HTTPResponse {
        let form = FormBody.encode([
            ("Action", "RunInstances"), ("ClientToken", token), ("InstanceType", type),
            ("TagSpecification.1.Tag.1.Key", ResourceTag.org), ("TagSpecification.1.Tag.1.Value", org),
        ])
        return ec2.handle(
            ProviderCall(HTTPRequest("POST", "https://ec2.eu-central-1.amazonaws.com/", body: form)), at: 0)
    }
}
