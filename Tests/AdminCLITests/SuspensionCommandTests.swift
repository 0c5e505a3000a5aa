import Testing

@Suite struct SuspensionCommandTests {
    @Test func anOrganisationIsSuspendedWithItsReasonAndResumed() async throws {
        let path = "/cp/admin/orgs/acme"
        let suspended = try await cpctl(
            ["orgs", "suspend", "acme", "--reason", "unpaid"],
            [path + "/suspend": [answer(#"{"slug":"acme","status":"suspended"}"#)]])
        #expect(suspended.status == 0 && suspended.requests.first?.body == #"{"reason":"unpaid"}"#)
        #expect(suspended.output == "acme is suspended. To end that: cpctl orgs resume acme\n")
        let resumed = try await cpctl(
            ["orgs", "resume", "acme"], [path + "/resume": [answer(#"{"slug":"acme","status":"failed"}"#)]])
        #expect(resumed.status == 0 && resumed.output == "acme is failed again.\n")
    }
}
