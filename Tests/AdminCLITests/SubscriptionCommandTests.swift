import Testing

/// `cpctl billing subscriptions | sync | why`
@Suite struct SubscriptionCommandTests {
    private static let list = "/cp/admin/billing/subscriptions?limit=500&offset="

    private static func row(_ number: Int, _ more: String = "") -> String {
        #"{"slug":"acme-\#(number)","plan":"pro","billing_status":"active"\#(more)}"#
    }

    private static func page(_ rows: [String]) -> String {
        #"{"subscriptions":[\#(rows.joined(separator: ","))]}"#
    }

    @Test func subscriptionsAreListedToTheLastPage() async throws {
        let paying = #","subscription":"sub_1","subscription_status":"past_due","problem":"No room.""#
        let answers = [
            Self.list + "0": [answer(Self.page((1...500).map { Self.row($0) }))],
            Self.list + "500": [answer(Self.page([Self.row(501, paying)]))],
        ]
        let run = try await cpctl(["billing", "subscriptions"], answers)
        #expect(run.status == 0 && run.requests.count == 2, "\(run.output)")
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == 502 && lines.first?.hasPrefix("SLUG") == true)
        let last = lines.last ?? ""
        for word in ["acme-501", "pro", "active", "past_due", "sub_1", "No room."] {
            #expect(last.contains(word), "\(last)")
        }
        let json = try await cpctl(
            ["billing", "subscriptions", "--json"], [Self.list + "0": [answer(Self.page([Self.row(7)]))]])
        #expect(json.output.contains(#""slug":"acme-7""#) && !json.output.contains("SLUG"))
    }

    @Test func aLookIsOrderedForOneOrForAllThatDiffer() async throws {
        let one = try await cpctl(
            ["billing", "sync", "acme"], ["/cp/admin/orgs/acme/billing/sync": [answer("{}", 202)]])
        #expect(one.status == 0 && one.output.contains("cpctl billing why acme"), "\(one.output)")
        #expect(one.requests.map(\.method) == ["POST"])
        let all = try await cpctl(
            ["billing", "sync"],
            ["/cp/admin/billing/sync": [answer(#"{"subscriptions":9,"differing":2,"strangers":1}"#)]])
        #expect(all.status == 0 && all.output.contains("9 subscriptions at Stripe, 2 differ"))
        #expect(all.output.contains("A sync is requested for each") && all.output.contains("1 belong to no"))
        let equal = try await cpctl(
            ["billing", "sync"],
            ["/cp/admin/billing/sync": [answer(#"{"subscriptions":9,"differing":0,"strangers":0}"#)]])
        #expect(equal.status == 0 && !equal.output.contains("requested") && !equal.output.contains("belong"))
        let unknown = #"{"status":404,"code":"org_not_found","detail":"There is no organisation \"acme\"."}"#
        let refused = try await cpctl(
            ["billing", "sync", "acme"], ["/cp/admin/orgs/acme/billing/sync": [answer(unknown, 404)]])
        #expect(refused.status != 0 && refused.output.contains("There is no organisation"))
    }

    @Test func whyNamesWhatStandsInTheWay() async throws {
        let body = """
            {"billing":{"plan":"pro","status":"running","billing_status":"past_due",\
            "grace_ends_at":"2026-12-01T00:00:00Z","subscription":{"id":"sub_1","status":"past_due"}},\
            "customer":"cus_1","surplus":1,"problem":"No plan is sold under it.","pending":2,\
            "synced_at":"2026-11-24T00:00:00Z","events":[{"type":"invoice.payment_failed",\
            "outcome":"applied","at":"2026-11-24T00:00:01Z"}]}
            """
        let path = "/cp/admin/orgs/acme/billing"
        let run = try await cpctl(["billing", "why", "acme"], [path: [answer(body)]])
        #expect(run.status == 0, "\(run.output)")
        for text in [
            "past_due", "2026-12-01T00:00:00Z", "cus_1", "sub_1, past_due", "1 more subscriptions go on",
            "Problem: No plan is sold under it.", "invoice.payment_failed", "applied",
        ] { #expect(run.output.contains(text), "\(text): \(run.output)") }
        let json = try await cpctl(["billing", "why", "acme", "--json"], [path: [answer(body)]])
        #expect(json.output.contains(#""surplus":1"#) && !json.output.contains("Problem:"))
    }
}
