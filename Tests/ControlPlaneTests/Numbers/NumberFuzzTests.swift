import AdminProtocol
import Arithmetic
import CurlHTTP
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// What the service computes, at the ends of its numbers. Each of these ended the process, or could.
@Suite struct NumberFuzzTests {
    @Test func aPositionOfCreditsHoldsAnyNumbers() {
        var random = SplitMix(state: 1)
        for _ in 0..<50_000 {
            let position = CreditPosition(
                granted: random.extremeInt(), usedMillicredits: random.extremeInt(),
                settled: max(0, random.extremeInt()), cap: max(0, random.extremeInt()))
            #expect(position.balance >= 0 && position.remaining >= 0 && position.uncharged >= 0)
            #expect(position.overage >= position.settled)
            #expect(position.overage <= max(position.settled, position.cap))
            _ = position.state
            for alert in CreditAlert.Kind.allCases where position.reached(alert) {
                #expect((alert.isOfCap ? position.cap : position.granted) > 0)
            }
        }
    }

    @Test func grantsReportsAndSumsHoldAnyNumbers() {
        var random = SplitMix(state: 2)
        for _ in 0..<20_000 {
            let month = Month(year: Int.random(in: 1970...9998, using: &random), number: 12)
            let date = Date(timeIntervalSince1970: random.extremeDouble())
            var (grants, _) = PlanGrants.opening(
                month, plan: "a", planCredits: random.extremeInt(), createdAt: date)
            _ = grants.change(to: "b", planCredits: random.extremeInt(), at: date)
            _ = (month.remaining(after: date), Month(containing: date).next)
            var sums = UsageReport.Sums(events: random.extremeInt(), millicredits: random.extremeInt())
            sums += UsageReport.Sums(events: random.extremeInt(), millicredits: random.extremeInt())
            let rules = CreditRules(plans: .standard, capPercent: random.extremeInt())
            _ = rules.cap(of: "pro", own: nil)
            let price = ModelPrice(
                provider: "p", model: "m", validFrom: date,
                rates: TokenCounts(input: random.extremeInt(), output: random.extremeInt()))
            _ = price.cost(of: TokenCounts(input: random.extremeInt(), output: random.extremeInt()))
            _ = PriceBook([price]).price("p", "m", at: random.extremeInt())
        }
    }

    @Test func theThreeBooksOfOverageHoldAnyNumbers() {
        var random = SplitMix(state: 3)
        let month = Month(year: 2026, number: 5)
        for _ in 0..<20_000 {
            let reports = (0..<3).map { _ in
                OverageReport(
                    id: UUID(), org: UUID(), month: month, customer: "c", credits: random.extremeInt(),
                    eventAt: .now, state: OverageReport.State.allCases.randomElement(using: &random) ?? .sent,
                    attempts: random.extremeInt(), unknownSince: nil)
            }
            let counted = random.extremeInt()
            _ = OverageComparison(reports, counted: counted).conclusion
            let account = CreditAccount(
                org: UUID(), month: month, plan: "pro", planCredits: 1, ownCap: nil,
                position: CreditPosition(usedMillicredits: random.extremeInt(), cap: random.extremeInt()))
            let books = OverageBooks(
                org: UUID(), slug: "s", account: account, reports: reports, counted: counted)
            _ = OverageReconciliation.remedy(books, sentBefore: [:], now: .now)
            #expect((try? JSONEncoder().encode(books)) != nil)
        }
    }

    @Test func whatProvidersAnswerHoldsAnyNumbers() {
        var random = SplitMix(state: 4)
        for _ in 0..<20_000 {
            let header = Bool.random(using: &random) ? "\(random.extremeInt())" : "\(random.extremeDouble())"
            let response = HTTPResponse(status: 429, headers: [HTTPField("Retry-After", header)], body: [])
            if let pause = response.retryAfter {
                #expect(pause >= .zero && pause <= HTTPResponse.longestRetryAfter)
            }
            let signature = try? StripeSignature(header: "t=\(random.extremeInt()),v1=00")
            #expect(throws: StripeSignature.Refusal.self) {
                try signature?.verify([], secrets: ["s"], now: random.extremeInt())
            }
            let vcpus = InstanceType.vcpus(of: "t3.\(random.extremeInt())xlarge")
            #expect((4...4_000).contains(vcpus))
        }
        #expect(InstanceType.vcpus(of: "u7in-32tb.224xlarge") == 896)
        #expect(InstanceType.vcpus(of: "t3.xlarge") == 4 && InstanceType.vcpus(of: "t3.medium") == 2)
        #expect(awsDate("2026-01-02T03:04:05Z") != nil && awsDate("2026-01-02T03:04:05.678Z") != nil)
        for text in ["99999-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00.000Z"] {
            #expect(awsDate(text) == nil, "\(text)")
        }
    }

    @Test func subscriptionsHoldAnyTimes() throws {
        var random = SplitMix(state: 5)
        for _ in 0..<2_000 {
            let (one, other, third) = (random.extremeInt(), random.extremeInt(), random.extremeInt())
            let text = """
                {"id":"s","status":"active","customer":"c","created":\(one),"cancel_at":\(other),
                "cancel_at_period_end":true,"ended_at":\(third),"items":{"has_more":false,"data":[{"id":"i",
                "current_period_end":\(third),"price":{"id":"p","lookup_key":"pro_monthly","currency":"usd",
                "unit_amount":\(one)}}]}}
                """
            let subscription = try JSONDecoder().decode(StripeSubscription.self, from: Data(text.utf8))
            let state = try #require(SubscriptionState(of: [subscription]))
            for date in [state.periodEnd, state.endsAt].compactMap(\.self) {
                #expect(Date.storable.contains(date))
            }
        }
    }

    @Test func observationsOfATenantHoldAnyNumbers() {
        var random = SplitMix(state: 6)
        for _ in 0..<20_000 {
            func traffic() -> HealthObservation.Traffic {
                .init(
                    seconds: random.extremeInt(), requests: random.extremeInt(), errors: random.extremeInt(),
                    p95Milliseconds: random.extremeInt())
            }
            let observation = HealthObservation(
                digest: "d", healthy: true, restarts: min(0, random.extremeInt()), upSeconds: 1,
                before: traffic(), since: traffic())
            _ = Judgement(
                observation, digest: "d", isHealthyThroughEdge: true, soakSeconds: random.extremeInt())
        }
    }

    @Test func requestsAreCountedAtAnyTimeAndLimit() {
        var random = SplitMix(state: 7)
        for _ in 0..<5_000 {
            var count = SlidingCount(at: random.extremeDouble())
            for _ in 0..<10 {
                let now = random.extremeDouble()
                _ = count.admit(at: now, limit: random.extremeInt())
                _ = count.news(at: now)
                count.told(
                    random.extremeInt(), total: random.extremeInt(), minute: SlidingCount.minute(of: now))
                _ = count.isOver(at: now)
            }
        }
    }

    @Test func daysAndMonthsAreThoseOfACalendar() {
        var random = SplitMix(state: 8)
        for _ in 0..<5_000 {
            let (one, other) = (random.extremeInt(), random.extremeInt())
            _ = Month("\(one)-\(other)")
            for text in [
                "\(one)-01-01", "2026-\(other)-01", "\(String(one).prefix(4))-\(String(other).prefix(2))-01",
            ] {
                guard let range = try? DayRange(from: text, to: text) else { continue }
                #expect(range.from == text && range.to == text)
            }
        }
        #expect(throws: AppError.self) { try DayRange(from: "0000-12-31", to: "0000-12-31") }
        #expect(throws: AppError.self) { try DayRange(from: "1969-12-31", to: "1969-12-31") }
        #expect((try? DayRange(from: "1970-01-01", to: "1970-01-01")) != nil)
        #expect((try? DayRange(from: "9999-12-31", to: "9999-12-31")) != nil)
    }

    @Test func settingsHoldNoNumberThatAnythingIsMultipliedBy() {
        func plans(_ cents: String, _ credits: String, _ workspaces: String) -> Bool {
            let text = """
                [{"name":"free","cents":0},{"name":"a","cents":\(cents),"lookup_key":"k",
                "monthly_credits":\(credits),"workspaces":\(workspaces)}]
                """
            return (try? Plans(json: text)) != nil
        }
        #expect(plans("1000000000", "1000000000000", "100000"))
        let beyond = ["1000000001", "1000000000001", "100001", "9223372036854775807", "-1", "1e30"]
        for (index, number) in beyond.enumerated() {
            if index == 0 || index > 2 { #expect(!plans(number, "1", "1"), "\(number)") }
            if index == 1 || index > 2 { #expect(!plans("1", number, "1"), "\(number)") }
            if index == 2 || index > 2 { #expect(!plans("1", "1", number), "\(number)") }
        }
    }
}
