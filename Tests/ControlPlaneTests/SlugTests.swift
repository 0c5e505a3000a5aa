import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

@Suite struct SlugTests {
    @Test(arguments: ["abc", "a-1", "acme", "a2345678901234567890123456789012"])
    func acceptsWhatTheContractAllows(_ text: String) throws {
        #expect(try Slug(text).text == text)
    }

    @Test(arguments: [
        "", "ab", "1abc", "-abc", "Abc", "a_b", "a.b", "a b", "äbc", "abc\n", "a/b", "abc'; --",
        "a23456789012345678901234567890123",
    ])
    func refusesEverythingElse(_ text: String) {
        let error = #expect(throws: AppError.self) { try Slug(text) }
        #expect(error?.code == "invalid_slug")
    }

    @Test(arguments: Slug.reserved)
    func refusesReservedNamesForNewOrgs(_ text: String) {
        #expect(throws: AppError.self) { try Slug.forNewOrg(text) }
    }
}
