import Testing

/// `cpctl usage gaps | set-aside | check | prices`
@Suite struct UsageCommandTests {
    private static let time = "2026-11-24T10:00:00Z"

    @Test func gapsNameWhatIsMissingAndWhatIsLost() async throws {
        let body = """
            {"gaps":[{"slug":"acme","org_id":"o","epoch":"e-1","missing":[{"from":3,"to":5},\
            {"from":9,"to":9},\
            {"from":11,"to":12},{"from":14,"to":14}],"missing_places":7,"lost":[],"lost_places":0,\
            "last_received_at":"\(Self.time)"}]}
            """
        let run = try await cpctl(
            ["usage", "gaps", "--org", "acme"],
            ["/cp/admin/usage/gaps?limit=100&org=acme": [answer(body)]])
        #expect(run.status == 0 && run.output.contains("3-5,9,11-12,..."), "\(run.output)")
        let path = "/cp/admin/usage/gaps?limit=5"
        let none = try await cpctl(
            ["usage", "gaps", "--limit", "5"], [path: [answer(#"{"gaps":[]}"#)]])
        #expect(none.output == "No stream has a gap.\n")
        let json = try await cpctl(
            ["usage", "gaps", "--limit", "5", "--json"], [path: [answer(#"{"gaps":[]}"#)]])
        #expect(json.output.contains(#""gaps":[]"#))
    }

    @Test func whatIsSetAsideIsListedWithItsReasons() async throws {
        let body = """
            {"events":[{"id":"i-1","slug":"acme","reason":"unknown_model","detail":"no price",\
            "event":{"provider":"p","model":"m\\u001b[2J"},"received_at":"\(Self.time)"}],\
            "counts":[{"slug":"acme","reason":"unknown_model","events":42,"since":"\(Self.time)"}]}
            """
        let path = "/cp/admin/usage/set-aside?limit=20&state=waiting&org=acme&reason=unknown_model"
        let run = try await cpctl(
            ["usage", "set-aside", "list", "--org", "acme", "--reason", "unknown_model"],
            [path: [answer(body)]])
        #expect(run.status == 0 && run.output.contains("i-1") && run.output.contains("42"), "\(run.output)")
        #expect(!run.output.contains("\u{1b}"), "what a tenant sent commands no terminal")
    }

    @Test func nothingIsDecidedWithoutApply() async throws {
        let path = "/cp/admin/usage/set-aside/release"
        let body = """
            {"matched":5,"decided":3,"duplicates":1,\
            "kept":[{"id":"i-9","reason":"unknown_model","detail":"no price"}]}
            """
        let dry = try await cpctl(
            ["usage", "set-aside", "release", "--reason", "unknown_model"], [path: [answer(body)]])
        #expect(dry.status == 0 && dry.output.contains("2 of 5 events would be counted."), "\(dry.output)")
        #expect(dry.output.contains("i-9") && dry.output.contains("--apply does it"))
        #expect(dry.requests.first?.body.contains(#""dry_run":true"#) == true)
        let done = try await cpctl(
            ["usage", "set-aside", "discard", "--id", "i-1", "--id", "i-2", "--apply"],
            [
                "/cp/admin/usage/set-aside/discard": [
                    answer(#"{"matched":2,"decided":2,"duplicates":0,"kept":[]}"#)
                ]
            ])
        #expect(done.output == "2 events discarded.\n", "\(done.output)")
        let sent = done.requests.first?.body ?? ""
        #expect(sent.contains(#""dry_run":false"#) && sent.contains(#"["i-1","i-2"]"#), "\(sent)")
        let all = try await cpctl(["usage", "set-aside", "discard", "--apply"], [:])
        #expect(all.status != 0 && all.requests.isEmpty && all.output.contains("--org, --reason or --id"))
    }

    @Test func aCheckThatDiffersEndsWithStatusOneOrRebuilds() async throws {
        func months(_ differences: Int) -> String {
            let named =
                #"{"table":"usage_days","org_id":"o-1","time":"2026-11-01","provider":"p","model":"m","#
                + #""events":3,"events_expected":4}"#
            return #"{"months":[{"month":"2026-11","has_raw_rows":true,"events":1000,"#
                + #""differences":\#(differences),"named":[\#(differences > 0 ? named : "")],"#
                + #""rebuilt":false}]}"#
        }
        let path = "/cp/admin/usage/check?month=2026-11"
        let arguments = ["usage", "check", "--month", "2026-11"]
        let equal = try await cpctl(arguments, [path: [answer(months(0))]])
        #expect(equal.status == 0 && equal.output.contains("equal"), "\(equal.output)")
        let wrong = try await cpctl(arguments, [path: [answer(months(1))]])
        #expect(wrong.status == 1 && wrong.output.contains("cpctl usage check --rebuild"))
        #expect(wrong.output.contains("o-1") && wrong.output.contains("usage_days"))
        let rebuilt = try await cpctl(
            arguments + ["--rebuild"],
            [path: [answer(months(1))], "/cp/admin/usage/rebuild": [answer("{}")]])
        #expect(rebuilt.status == 0 && rebuilt.output.contains("2026-11 was computed again."))
        #expect(rebuilt.requests.last?.body.contains(#""month":"2026-11""#) == true)
    }

    @Test func aPriceIsShownBeforeItIsSet() async throws {
        let path = "/cp/admin/usage/prices"
        let price = """
            "provider":"p","model":"m","valid_from":"\(Self.time)","input_millicredits":7,\
            "output_millicredits":30,"cached_millicredits":7,"reasoning_millicredits":30
            """
        let set = ["usage", "prices", "set", "p", "m", "--input", "7", "--output", "30"]
        let dry = try await cpctl(set, [:])
        #expect(dry.status == 0 && dry.requests.isEmpty && dry.output.contains("--apply sets it"))
        #expect(dry.output.contains("7 in, 30 out, 7 cached, 30 of reasoning"), "\(dry.output)")
        let done = try await cpctl(set + ["--apply"], [path: [answer("{\(price)}", 201)]])
        #expect(done.status == 0 && done.output.contains("Valid from"), "\(done.output)")
        #expect(done.requests.first?.body.contains(#""cached_millicredits":7"#) == true)
        let early =
            #"{"status":422,"code":"price_too_early","detail":"It may begin at 2026-11-24T10:10:00Z."}"#
        let refused = try await cpctl(set + ["--apply"], [path: [answer(early, 422)]])
        #expect(refused.status != 0 && refused.output.contains("It may begin at"), "\(refused.output)")
        let list = try await cpctl(
            ["usage", "prices", "list"], [path: [answer("{\"prices\":[{\(price)}]}")]])
        #expect(list.status == 0 && list.output.contains("PROVIDER") && list.output.contains("30"))
    }
}
