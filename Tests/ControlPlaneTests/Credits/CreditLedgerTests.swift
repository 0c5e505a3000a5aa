import Foundation
import Postgres
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service

@Suite struct CreditLedgerTests {
    private static let month = Month(containing: Date())

    @Test func aMonthThatNobodyOpenedIsAsItWouldBeOpened() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "starter")
            let before = try await service.account(org.id)
            #expect(before.position == CreditPosition(granted: 5_000_000))
            try await service.changeCredits { try await $0.open(org.id, Self.month) }
            #expect(try await service.account(org.id).position == before.position)
            try await service.changeCredits { try await $0.open(org.id, Self.month) }
            #expect(try await service.count("credit_grants") == 1)
            // One that was created within the month gets its rest, opened or not.
            let created = Self.month.start + Double(Self.month.seconds / 2)
            let late = try await service.org("late", plan: "starter")
            try await service.platform.database.execute(
                "UPDATE orgs SET created_at = \(created) WHERE id = \(late.id)")
            #expect(try await service.account(late.id).position.granted == 2_500_000)
            try await service.changeCredits { try await $0.open(late.id, Self.month) }
            #expect(try await service.account(late.id).position.granted == 2_500_000)
        }
    }

    @Test func aPlanChangesOnceHoweverOftenItIsSaid() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "starter")
            let middle = Self.month.start + Double(Self.month.seconds / 2)
            for _ in 0..<3 {
                try await service.changeCredits {
                    try await $0.planChanged(org: org.id, from: "starter", to: "pro", at: middle)
                }
            }
            let account = try await service.account(org.id)
            #expect(account.position.granted == 15_000_000 && account.plan == "pro")
            #expect(account.position.cap == 25_000_000, "as much again as the plan, by default")
            #expect(try await service.count("credit_grants") == 2)
            try await service.changeCredits {
                try await $0.planChanged(org: org.id, from: "pro", to: "free", at: middle)
            }
            #expect(try await service.account(org.id).position.granted == 2_500_000)
        }
    }

    @Test func manyAtOnceComeToTheSameAsOneAfterAnother() async throws {
        try await TestService.run(["DATABASE_MAX_CONNECTIONS": "12"]) { service in
            let org = try await service.org("acme", plan: "starter")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await service.changeCredits {
                            try await $0.planChanged(
                                org: org.id, from: "starter", to: "pro", at: Self.month.start)
                        }
                    }
                    group.addTask {
                        try await service.changeCredits {
                            _ = try await $0.adjust(
                                org: org.id, month: Self.month, credits: 7, key: "k\(number / 2)", note: nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await service.account(org.id).position.granted == 25_000_000 + 4 * 7)
            #expect(try await service.count("credit_grants") == 2 + 4)
        }
    }

    @Test func aMonthThatUsageOpensLateHasThePlanThatItHadThen() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "pro")
            let last = Self.month.previous
            try await service.changeCredits {
                try await $0.planChanged(org: org.id, from: "pro", to: "free", at: Self.month.start)
            }
            try await service.platform.database.execute("UPDATE orgs SET plan = 'free'")
            #expect(try await service.account(org.id).position.granted == 0)
            #expect(try await service.account(org.id, last).position.granted == 25_000_000)
            try await service.use(org.id, credits: 10, at: last.end - 5)
            try await service.changeCredits { try await $0.openIfUsed(org.id, last) }
            let account = try await service.account(org.id, last)
            #expect(account.plan == "pro" && account.position.balance == 24_999_990)
            #expect(try await service.account(org.id).position.usedMillicredits == 0)
        }
    }

    @Test func whatIsChargedStaysCharged() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "pro")
            try await service.use(org.id, credits: 25_000_100)
            #expect(try await service.account(org.id).position.overage == 100)
            try await service.changeCredits {
                _ = try await $0.adjust(
                    org: org.id, month: Self.month, credits: 40, key: "sorry", note: "an outage")
            }
            let account = try await service.account(org.id)
            #expect(account.position.overage == 100 && account.position.balance == 40)
            // The plan without overage charges nothing more, and gives nothing back.
            try await service.changeCredits {
                try await $0.planChanged(org: org.id, from: "pro", to: "free", at: Self.month.end - 1)
            }
            let lost = (25_000_000 + Self.month.seconds - 1) / Self.month.seconds
            try await service.platform.database.execute("UPDATE orgs SET plan = 'free'")
            try await service.use(org.id, credits: 1_000)
            let after = try await service.account(org.id).position
            #expect(after.overage == 100 && after.cap == 0 && after.uncharged == 960 + lost)
        }
    }

    @Test func aCapHoldsAndItsMonthKeepsIt() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "pro")
            let last = Self.month.previous
            for month in [last, Self.month] {
                try await service.use(org.id, credits: 25_000_100, at: month.start)
                try await service.changeCredits { try await $0.open(org.id, month) }
            }
            try await service.changeCredits { try await $0.setCap(org: org.id, 60, month: Self.month) }
            #expect(try await service.account(org.id).position.overage == 100, "was charged before the cap")
            try await service.use(org.id, credits: 500)
            #expect(try await service.account(org.id).position.overage == 100)
            #expect(try await service.account(org.id).position.remaining == 0)
            #expect(try await service.account(org.id, last).position.cap == 25_000_000)
        }
    }

    @Test func grantsCannotBeChangedAndMoreThanIsGrantedCannotBeTaken() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "starter")
            try await service.changeCredits { try await $0.open(org.id, Self.month) }
            for change in ["UPDATE credit_grants SET credits = 1", "DELETE FROM credit_grants"] as [SQL] {
                await #expect(throws: PostgresError.self) {
                    try await service.platform.database.execute(change)
                }
            }
            await #expect(throws: AppError.self) {
                try await service.changeCredits {
                    _ = try await $0.adjust(
                        org: org.id, month: Self.month, credits: -5_000_001, key: "k", note: nil)
                }
            }
            #expect(try await service.account(org.id).position.granted == 5_000_000)
        }
    }
}
