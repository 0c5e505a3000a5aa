import Testing

@Suite struct BillingCommandTests {
    private static let path = "/cp/admin/billing/overage"

    private static func books(_ difference: Int, _ more: String = "") -> String {
        """
        {"org_id":"o-1","slug":"acme","month":"2026-11","used_credits":150,"granted_credits":100,\
        "overage_credits":50,"reported_credits":50,"open_credits":0,\
        "stripe_credits":\(50 - difference),"difference_credits":\(difference),\
        "remedy":"\(difference == 0 ? "none" : "send_again")"\(more)}
        """
    }

    private static func page(_ books: String) -> String {
        #"{"month":"2026-11","organisations":[\#(books)]}"#
    }

    @Test func booksThatAgreeEndWell() async throws {
        let run = try await cpctl(
            ["billing", "reconcile", "--month", "2026-11"],
            ["\(Self.path)?month=2026-11": [answer(Self.page(Self.books(0)))]])
        #expect(run.status == 0, "\(run.output)")
        #expect(run.output.contains("acme") && run.output.contains("The books agree"))
    }

    @Test func aDifferenceEndsWithStatusOneAndItsRemedy() async throws {
        let answers = ["\(Self.path)?month=2026-11": [answer(Self.page(Self.books(7)))]]
        let shown = try await cpctl(["billing", "reconcile", "--month", "2026-11"], answers)
        #expect(shown.status == 1 && shown.output.contains("--repair --apply"), "\(shown.output)")
        let dry = try await cpctl(
            ["billing", "reconcile", "--month", "2026-11", "--repair", "--json"],
            answers.merging([
                "\(Self.path)/repair": [answer(Self.books(7, #","advice":"1 report is sent again.""#))]
            ]) { $1 })
        #expect(dry.status == 1 && dry.output.contains(#""difference_credits":7"#), "\(dry.output)")
        let body = dry.requests.last?.body ?? ""
        #expect(body.contains(#""dry_run":true"#) && body.contains(#""org":"o-1""#), "\(body)")
        let refused = try await cpctl(["billing", "reconcile", "--apply"], [:])
        #expect(refused.status != 0 && refused.requests.isEmpty)
    }

    @Test func usageIsATableOrCSV() async throws {
        let sums =
            #""events":1,"input_tokens":10,"output_tokens":2,"cached_tokens":0,"reasoning_tokens":0,"#
            + #""millicredits":12500"#
        let path = "/cp/admin/orgs/acme/usage?group_by=model"
        let table = try await cpctl(
            ["usage", "show", "acme", "--by", "model"],
            [
                path: [
                    answer(
                        #"{"from":"2026-11-01","to":"2026-11-24","totals":{\#(sums)},"#
                            + #""rows":[{"provider":"p","model":"m",\#(sums)}]}"#)
                ]
            ])
        #expect(table.status == 0 && table.output.contains("p/m") && table.output.contains("12.5"))
        let csv = try await cpctl(
            ["usage", "show", "acme", "--by", "model", "--csv"],
            ["\(path)&format=csv": [.init(status: 200, body: "provider,model\r\np,m\r\n")]])
        #expect(csv.output == "provider,model\r\np,m\r\n")
    }

    @Test func creditsAreGivenUnderAKey() async throws {
        let month = """
            {"month":"2026-11","plan":"pro","state":"ok","granted_credits":110,"used_credits":0,\
            "credits_balance":110,"overage_used_credits":0,"overage_cap_credits":100,\
            "credits_remaining":210,"uncharged_credits":0,"alerts":[],"grants":[{"kind":"adjustment",\
            "credits":10,"effective_at":"2026-11-24T00:00:00Z","note":"an outage"}]}
            """
        let run = try await cpctl(
            ["credits", "give", "acme", "--credits", "-10", "--key", "t-1"],
            ["/cp/admin/orgs/acme/credits": [answer(month, 201)]])
        #expect(run.status == 0 && run.output.contains("an outage"), "\(run.output)")
        let body = run.requests.first?.body ?? ""
        #expect(body.contains(#""credits":-10"#) && body.contains(#""key":"t-1""#), "\(body)")
    }
}
