import Digests

/// The header by which a receiver knows who sent an event. Source: Stripe, "Verify webhook signatures
/// manually": HMAC-SHA256 over the time, a dot and the body, in hexadecimal.
enum WebhookSignature {
    static let name = "Stripe-Signature"

    /// - Parameter secrets: one signature for each; a receiver needs to know one of them.
    static func header(_ body: [UInt8], secrets: [String], at time: Int) -> String {
        let signed = Array("\(time).".utf8) + body
        return (["t=\(time)"] + secrets.map { "v1=" + HMACKey($0).authenticate(signed).hex })
            .joined(separator: ",")
    }
}
