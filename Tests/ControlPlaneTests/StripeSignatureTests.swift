import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Providers
@testable import Service
@testable import WireText

/// Against Stripe's own package, in both directions.
@Suite struct StripeSignatureTests {
    private struct Job: Encodable {
        var deed: String
        var body: String
        var secret: String
        var time: Int
        var header: String?
    }

    private struct Answer: Decodable { var header: String }

    private static let now = 1_900_000_000
    private static let bodies = [
        "{}", #"{"id":"evt_1","text":"ä€🙂"}"#, String(repeating: "x", count: 100_000), "a=b,v1=c\n",
    ]

    private static func sign(_ body: String, _ secret: String, _ time: Int) -> String {
        "t=\(time),v1=\(StripeSignature.sign(Array(body.utf8), secret: secret, time: time))"
    }

    @Test func whatItsPackageSignsIsRightHere() throws {
        let jobs = Self.bodies.map { Job(deed: "sign", body: $0, secret: "whsec_new", time: Self.now) }
        let answers = try Oracle.ask("stripe_webhook.py", jobs, as: Answer.self)
        #expect(answers.count == Self.bodies.count)
        for (body, answer) in zip(Self.bodies, answers) {
            let signature = try StripeSignature(header: answer.header)
            #expect(throws: Never.self) {
                try signature.verify(
                    Array(body.utf8), secrets: ["whsec_old", "whsec_new"], now: Self.now + 300)
            }
            #expect(throws: StripeSignature.Refusal.wrong) {
                try signature.verify(Array((body + " ").utf8), secrets: ["whsec_new"], now: Self.now)
            }
        }
    }

    @Test func whatIsSignedHereIsRightForItsPackage() throws {
        let jobs = Self.bodies.flatMap { body in
            ["whsec_new", "whsec_other"].map {
                Job(
                    deed: "verify", body: body, secret: $0, time: 0,
                    header: Self.sign(body, "whsec_new", Self.now))
            }
        }
        let answers = try Oracle.ask("stripe_webhook.py", jobs, as: Answer.self).map(\.header)
        #expect(answers == Self.bodies.flatMap { _ in ["right", "wrong"] })
    }

    @Test func aTimeFarOffIsStaleInBothDirections() throws {
        let body = "{}"
        for (offset, isRight) in [(300, true), (301, false), (-300, true), (-301, false)] {
            let signature = try StripeSignature(header: Self.sign(body, "s", Self.now + offset))
            let outcome = Result { try signature.verify(Array(body.utf8), secrets: ["s"], now: Self.now) }
            #expect(((try? outcome.get()) != nil) == isRight, "\(offset)")
        }
        let endless = try StripeSignature(header: "t=\(Int.min),v1=00")
        #expect(throws: StripeSignature.Refusal.stale) {
            try endless.verify([], secrets: ["s"], now: Self.now)
        }
    }

    @Test(arguments: [
        "", "t=1", "v1=00", "t=x,v1=00", "t=1,t=2,v1=00", "t=1 v1=00", "t=1,v0=00",
        "t=1," + Array(repeating: "v1=0", count: 17).joined(separator: ","),
        "t=1,v1=" + String(repeating: "0", count: 5_000),
    ])
    func whatIsNoHeaderIsRefused(_ header: String) {
        #expect(throws: StripeSignature.Refusal.malformed) { try StripeSignature(header: header) }
    }

    @Test func formsNestAsStripeReadsThem() {
        let form: StripeForm = [
            "a": 1, "b": true, "c": ["x", "y z"], "d": ["e": ["f": "&="], "g": [["h": 2]]],
        ]
        let pairs = form.pairs.map { "\($0.0)=\($0.1)" }
        #expect(pairs == ["a=1", "b=true", "c[0]=x", "c[1]=y z", "d[e][f]=&=", "d[g][0][h]=2"])
        let text = String(decoding: FormBody.encode(form.pairs), as: UTF8.self)
        #expect(text.hasSuffix("c%5B1%5D=y+z&d%5Be%5D%5Bf%5D=%26%3D&d%5Bg%5D%5B0%5D%5Bh%5D=2"))
    }
}
