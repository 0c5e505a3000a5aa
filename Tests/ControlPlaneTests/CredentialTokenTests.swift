import Foundation
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

@Suite struct CredentialTokenTests {
    @Test(arguments: CredentialKind.allCases)
    func everyTokenIsRecognisedAndNoTwoAreTheSame(_ kind: CredentialKind) throws {
        let tokens = (0..<100).map { _ in CredentialToken.random(kind) }
        #expect(Set(tokens.map(\.text)).count == 100)
        for token in tokens {
            let read = try #require(CredentialToken(token.text))
            #expect(read.kind == kind && read.hash == token.hash)
            #expect(token.shownPrefix.count == 16 && token.text.hasPrefix(token.shownPrefix))
        }
    }

    @Test func aPartnerKeyHasTheContractsForm() {
        let key = CredentialToken.random(.partner).text
        #expect(key.wholeMatch(of: /mol_pk_live_[0-9a-f]{32}/) != nil)
    }

    @Test(arguments: [
        "", "mol_op_", "mol_pk_live_", "mol_pk_live_" + String(repeating: "a", count: 31),
        "mol_pk_live_" + String(repeating: "a", count: 33),
        "mol_pk_live_" + String(repeating: "A", count: 32),
        "mol_pk_live_" + String(repeating: "g", count: 32), "mol_op_" + String(repeating: "a", count: 32),
        " mol_pk_live_" + String(repeating: "a", count: 32),
        "mol_pk_live_" + String(repeating: "ａ", count: 32),
        "mol_pk_test_" + String(repeating: "a", count: 32),
        "mol_ot_" + String(repeating: "a", count: 63) + "\0",
    ])
    func whatWasNeverIssuedIsNoToken(_ text: String) { #expect(CredentialToken(text) == nil) }
}
