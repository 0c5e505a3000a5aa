import Testing

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct ImageReferenceTests {
    static let digest = "sha256:" + String(repeating: "a", count: 64)

    @Test func readsEveryPart() {
        let reference = ImageReference("10.77.0.1:5000/team/tenant:v1@\(Self.digest)")
        #expect(reference.registry == "10.77.0.1:5000")
        #expect(reference.repository == "team/tenant")
        #expect(reference.tag == "v1")
        #expect(reference.digest == Self.digest)
        #expect(reference.pinned == "10.77.0.1:5000/team/tenant@\(Self.digest)")
    }

    @Test(arguments: [
        ("redis", "redis:latest"), ("team/redis:7", "team/redis:7"), ("localhost/a", "localhost/a:latest"),
    ])
    func keepsWhatIsNotSaid(_ text: String, _ pinned: String) {
        #expect(ImageReference(text).pinned == pinned)
    }

    @Test(arguments: ["v1", "_x", "1.2.3-rc_1"]) func knowsTags(_ tag: String) {
        #expect(ImageReference.isTag(tag))
    }

    @Test(arguments: [
        "", ".v", "-v", "a b", "a/b", "v1;id", "$(id)", "../x", String(repeating: "a", count: 129),
    ])
    func refusesWhatIsNoTag(_ tag: String) {
        #expect(!ImageReference.isTag(tag))
    }

    @Test(arguments: [
        "sha256:", "sha256:\(String(repeating: "A", count: 64))", "md5:\(String(repeating: "a", count: 66))",
    ])
    func refusesWhatIsNoDigest(_ digest: String) {
        #expect(!ImageReference.isDigest(digest))
    }
}
