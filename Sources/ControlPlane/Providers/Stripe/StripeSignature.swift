import Digests
import FoundationEssentials

/// `Stripe-Signature`: HMAC-SHA256 over the time and the raw body. Source: Stripe, "Verify webhook signatures
/// manually".
package struct StripeSignature: Sendable {
    /// How far the time may lie from ours, in both directions, in seconds.
    static let tolerance = 300
    /// Longest header that is read, in bytes, and signatures of it that are compared.
    package static let maximumHeaderBytes = 4_096
    static let maximumSignatures = 16

    package enum Refusal: String, Error, Sendable {
        case malformed, stale, wrong
    }

    /// Unix seconds.
    package let time: Int
    /// Of the scheme `v1`, as they stand there.
    let signatures: [String]

    /// - Throws: `Refusal.malformed`
    package init(header: String) throws {
        guard header.utf8.count <= Self.maximumHeaderBytes else { throw Refusal.malformed }
        var time: Int?
        var signatures: [String] = []
        for part in header.split(separator: ",") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2 else { throw Refusal.malformed }
            switch halves[0] {
            case "t" where time == nil: time = Int(halves[1])
            case "t": throw Refusal.malformed
            case "v1": signatures.append(String(halves[1]))
            default: continue
            }
        }
        guard let time, (1...Self.maximumSignatures).contains(signatures.count) else {
            throw Refusal.malformed
        }
        (self.time, self.signatures) = (time, signatures)
    }

    /// - Parameters:
    ///   - secrets: while one is being rotated, the new and the old one.
    ///   - now: Unix seconds.
    /// - Throws: `Refusal.stale`, `Refusal.wrong`
    package func verify(_ body: [UInt8], secrets: [String], now: Int) throws {
        let distance = now.subtractingReportingOverflow(time)
        guard !distance.overflow, abs(distance.partialValue) <= Self.tolerance else { throw Refusal.stale }
        var isRight = false
        // All are compared, whichever fits: what a caller could measure does not depend on the secrets.
        for secret in secrets {
            let expected = Self.sign(body, secret: secret, time: time)
            for signature in signatures { isRight = expected.equalsInConstantTime(signature) || isRight }
        }
        guard isRight else { throw Refusal.wrong }
    }

    /// 64 hexadecimal digits.
    package static func sign(_ body: [UInt8], secret: String, time: Int) -> String {
        HMACKey(secret).authenticate(Array("\(time).".utf8) + body).hex
    }
}
