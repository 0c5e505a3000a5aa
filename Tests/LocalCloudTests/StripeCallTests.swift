import Testing

@testable import LocalCloud

/// What every call of Stripe's API has: parameters, keys, pages; and what every event has: deliveries.
@Suite struct StripeCallTests {
    private func form(_ query: String) throws -> StripeParameters {
        try StripeParameters(FormText.parse(query))
    }

    // MARK: Parameters

    @Test func parametersNest() throws {
        let form = try form("items[1][price]=b&items[0][price]=a&items[0][n]=3&expand[]=x&expand[]=y&m[k]=v")
        #expect(try form.list("items").map { try $0.text("price") } == ["a", "b"])
        #expect(try form.list("items").map { try $0.integer("n") } == [3, nil])
        #expect(try form.texts("expand") == ["x", "y"])
        #expect(try form.nested("m")?.text("k") == "v")
    }

    @Test(arguments: [
        "a=1&a[b]=2", "a[b=1", "a[b][c][d][e][f][g][h][i]=1",
        String(repeating: "a=1&", count: FormValue.maximumFields + 1),
    ])
    func nonsenseIsRefused(query: String) {
        #expect(throws: StripeError.self) { try form(query) }
    }

    @Test func whatIsWrongIsNamed() throws {
        let form = try form("items[0][quantity]=many&items[0][colour]=red&flag=yes")
        let item = try #require(try form.list("items").first)
        #expect(throws: StripeError.self) { try item.integer("quantity") }
        do {
            try item.only("quantity")
            Issue.record("an unknown parameter was taken")
        } catch {
            #expect((error as? StripeError)?.param == "items[0][colour]")
        }
        #expect(throws: StripeError.self) { try form.flag("flag") }
        #expect(throws: StripeError.self) { try form.required("name") }
    }

    @Test func metadataIsMergedByKey() throws {
        let form = try form("metadata[a]=&metadata[b]=2&metadata[c]=3")
        #expect(try form.metadata(over: ["a": "1", "b": "1", "d": "4"]) == ["b": "2", "c": "3", "d": "4"])
        #expect(try self.form("metadata=").metadata(over: ["a": "1"]) == [:])
        #expect(try self.form("").metadata(over: ["a": "1"]) == ["a": "1"])
    }

    // MARK: Keys

    private let answer = HTTPAnswer.json(200, ["id": "one"])

    @Test func aKeyReplaysItsAnswerForADay() throws {
        var records = IdempotencyRecords()
        records.keep("k", by: 1, [1], answer, at: 1000)
        guard case .replay(let again) = try records.claim("k", by: 2, [1], at: 1000 + 86_399) else {
            Issue.record("the key was forgotten")
            return
        }
        #expect(again.body == answer.body && again.headers.last?.name == "Idempotent-Replayed")
        #expect(throws: StripeError.self) { try records.claim("k", by: 2, [2], at: 1001) }
        guard case .first = try records.claim("k", by: 3, [2], at: 1000 + 86_400) else {
            Issue.record("the key was kept")
            return
        }
        let long = String(repeating: "k", count: IdempotencyRecords.maximumKeyLength + 1)
        #expect(throws: StripeError.self) { try records.claim(long, by: 4, [1], at: 1000) }
    }

    @Test func aKeyIsHeldByItsFirstCall() throws {
        var records = IdempotencyRecords()
        records.hold("k", by: 1)
        records.hold("k", by: 2)
        #expect(throws: StripeError.self) { try records.claim("k", by: 2, [1], at: 0) }
        records.release("k", by: 2)
        guard case .first = try records.claim("k", by: 1, [1], at: 0) else { return }
        records.release("k", by: 1)
        guard case .first = try records.claim("k", by: 2, [1], at: 0) else {
            Issue.record("the key was not let go")
            return
        }
    }

    @Test(arguments: [(200, true), (402, true), (500, true), (400, false), (429, false), (503, false)])
    func onlyWhatWasCarriedOutIsKept(status: Int, isKept: Bool) throws {
        var records = IdempotencyRecords()
        records.keep("k", by: 1, [1], HTTPAnswer.json(status, [:]), at: 0)
        if case .replay = try records.claim("k", by: 1, [1], at: 1) {
            #expect(isKept)
        } else {
            #expect(!isKept)
        }
    }

    // MARK: Pages

    @Test func pagesHoldEachRowOnce() throws {
        var account = StripeAccount(wallTime: 5000)
        for _ in 0..<23 { _ = try account.createCustomer(form("")) }
        var seen: [String] = []
        var query = "limit=10"
        for expected in [true, true, false] {
            let page = try StripePage(form(query)).list(account.customers.newestFirst, account, url: "/x")
            seen += page["data"]?.array?.compactMap { $0["id"]?.string } ?? []
            #expect(page["has_more"]?.bool == expected)
            query = "limit=10&starting_after=\(seen.last ?? "")"
        }
        #expect(seen == account.customers.newestFirst.map(\.id))
        for wrong in ["limit=0", "limit=101", "starting_after=a&ending_before=b", "created[after]=1"] {
            #expect(throws: StripeError.self) { try StripePage(form(wrong)) }
        }
    }

    // MARK: Deliveries

    private static let event = StripeEvent(
        id: "evt_1", created: 0, recorded: 0, type: "customer.created", object: [:], previous: nil,
        request: nil)
    private static let endpoint = StripeWebhookEndpoint(
        id: "we_1", created: 0, url: "https://cp.example/hook", types: ["*"], secrets: ["whsec_1"])

    @Test func aDeliveryIsTriedUntilItIsTaken() {
        var deliveries = WebhookDeliveries()
        deliveries.add(Self.event, to: [Self.endpoint], at: 0)
        var now = 0
        var waits: [Int] = []
        for _ in 0..<14 {
            let taken = deliveries.take(at: now)
            #expect(taken.count == 1 && deliveries.take(at: now).isEmpty)
            deliveries.settle(taken[0].number, status: waits.count.isMultiple(of: 2) ? 500 : 0, at: now)
            let next = deliveries.all[0].nextAttempt ?? 0
            #expect(deliveries.take(at: next - 1).isEmpty)
            waits.append(next - now)
            now = next
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600])
        let last = deliveries.take(at: now)
        deliveries.settle(last[0].number, status: 204, at: now)
        #expect(deliveries.all[0].isDelivered && deliveries.pending("evt_1") == 0)
    }

    @Test func aDeliveryIsGivenUpAfterThreeDays() {
        var deliveries = WebhookDeliveries()
        deliveries.add(Self.event, to: [Self.endpoint], at: 0)
        let taken = deliveries.take(at: WebhookDeliveries.lifetimeSeconds)
        deliveries.settle(taken[0].number, status: 500, at: WebhookDeliveries.lifetimeSeconds)
        #expect(deliveries.pending("evt_1") == 0 && !deliveries.all[0].isDelivered)
        #expect(deliveries.all[0].nextAttempt == nil)
    }

    @Test func onlySoManyAreUnderWayAtOnce() {
        var deliveries = WebhookDeliveries()
        for _ in 0..<40 { deliveries.add(Self.event, to: [Self.endpoint], at: 0) }
        #expect(deliveries.take(at: 0).count == WebhookDeliveries.maximumUnderWay)
        #expect(deliveries.take(at: 0).isEmpty)
        deliveries.settle(1, status: 200, at: 0)
        #expect(deliveries.take(at: 0).count == 1)
    }
}
