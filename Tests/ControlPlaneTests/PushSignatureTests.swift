import PushSignature
import Testing

@Suite struct PushSignatureTests {
    private static let org = "11111111-2222-4333-8444-555555555555"
    private static let key = PushKey(adminToken: "adm_canary")
    private static let body = Array("{}".utf8)
    private static let now = 1_700_000_000
    /// By Python's hmac, twice.
    private static let known =
        "a4d26c7df604005cdad18297fc20da0523227248ac6ee8a013fa05425dbed3bf"

    private static func header(
        _ keys: [PushKey] = [key], time: Int = now, org: String = org, body: [UInt8] = body
    ) -> String {
        PushSignature.header(keys, time: time, org: org, body: body)
    }

    private static func verify(_ header: String, key: PushKey = key) -> PushSignature.Refusal? {
        do {
            try PushSignature.verify(header, key, now: now, org: org, body: body)
            return nil
        } catch {
            return error
        }
    }

    @Test func theSignatureIsWhatAnotherImplementationMakesIt() {
        #expect(Self.header() == "t=1700000000,v1=\(Self.known)")
    }

    @Test func aPushOfThePlatformIsTaken() {
        #expect(Self.verify(Self.header()) == nil)
        #expect(Self.verify(Self.header(time: Self.now - SettingsPush.tolerance)) == nil)
        #expect(Self.verify(Self.header(time: Self.now + SettingsPush.tolerance)) == nil)
    }

    /// While a token follows another, the tenant runs with either.
    @Test func eitherOfTwoKeysIsEnough() {
        let next = PushKey(adminToken: "adm_next")
        let header = Self.header([Self.key, next])
        #expect(Self.verify(header) == nil)
        #expect(Self.verify(header, key: next) == nil)
        #expect(Self.verify(header, key: PushKey(adminToken: "adm_before")) == .wrong)
    }

    @Test func whatWasSignedForSomethingElseIsRefused() {
        #expect(Self.verify(Self.header(org: "another")) == .wrong)
        #expect(Self.verify(Self.header(body: [])) == .wrong)
        #expect(Self.verify(Self.header([PushKey(adminToken: "adm_other")])) == .wrong)
        let later = Self.header().replacing("t=1700000000", with: "t=1700000001")
        #expect(Self.verify(later) == .wrong)
    }

    @Test(arguments: [-301, 301, Int.min, Int.max - 1_700_000_000])
    func whatIsTooOldOrTooNewIsRefused(distance: Int) {
        let time = distance == .min ? Int.min : Self.now + distance
        #expect(Self.verify(Self.header(time: time)) == .stale)
    }

    @Test(arguments: [
        "", "t=1700000000", "v1=00", "t=,v1=00", "t=1700000000,v1=00,v2=00", "t=1,t=2,v1=00",
        "t=1700000000, v1=00", String(repeating: "v1=0,", count: 200),
    ])
    func whatIsNoSignatureIsRefused(header: String) {
        #expect(Self.verify(header) == .malformed)
    }

    @Test func anEmptyOrShortenedSignatureIsWrong() {
        #expect(Self.verify("t=1700000000,v1=") == .wrong)
        #expect(Self.verify(String(Self.header().dropLast())) == .wrong)
        #expect(Self.verify(Self.header().uppercased().replacing("T=", with: "t=")) != nil)
    }
}
