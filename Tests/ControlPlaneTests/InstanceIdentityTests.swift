import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct InstanceIdentityTests {
    @Test func believesTheConfiguredAuthority() throws {
        let signer = try IdentitySigner.shared.get()
        let pkcs7 = try signer.sign(IdentitySigner.document(instanceID: "i-0abc"))
        let identity = try InstanceIdentity(pkcs7: pkcs7, certificate: signer.certificate())
        #expect(identity.instanceId == "i-0abc")
        #expect(identity.region == "eu-central-1")
    }

    /// The message carries its own signer's certificate: it must not be the one that vouches for it.
    @Test func refusesAnotherAuthority() throws {
        let stranger = try IdentitySigner()
        let pkcs7 = try stranger.sign(IdentitySigner.document(instanceID: "i-0abc"))
        let trusted = try IdentitySigner.shared.get().certificate()
        #expect(throws: InstanceIdentity.VerificationError.notAuthentic) {
            try InstanceIdentity(pkcs7: pkcs7, certificate: trusted)
        }
    }

    @Test func refusesAChangedDocument() throws {
        let signer = try IdentitySigner.shared.get()
        let pkcs7 = try signer.sign(IdentitySigner.document(instanceID: "i-0abc"))
        let der = try #require(Data(base64Encoded: pkcs7, options: .ignoreUnknownCharacters))
        let range = try #require(der.range(of: Data("i-0abc".utf8)))
        var changed = der
        changed.replaceSubrange(range, with: Data("i-0abd".utf8))
        #expect(throws: InstanceIdentity.VerificationError.notAuthentic) {
            try InstanceIdentity(pkcs7: changed.base64EncodedString(), certificate: signer.certificate())
        }
    }

    @Test(arguments: ["", "not base64!", "AAAA", String(repeating: "A", count: 16_000)])
    func refusesWhatIsNoMessage(_ text: String) throws {
        let certificate = try IdentitySigner.shared.get().certificate()
        #expect(throws: InstanceIdentity.VerificationError.self) {
            try InstanceIdentity(pkcs7: text, certificate: certificate)
        }
    }
}
