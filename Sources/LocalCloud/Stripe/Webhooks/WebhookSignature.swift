import CCrypto

/// The header by which a receiver knows who sent an event. Source: Stripe, "Verify webhook signatures
/// manually": HMAC-SHA256 over the time, a dot and the body, in hexadecimal.
enum WebhookSignature {
    static let name = "Stripe-Signature"

    /// - Parameter secrets: one signature for each; a receiver needs to know one of them.
    static func header(_ body: [UInt8], secrets: [String], at time: Int) -> String {
        let signed = Array("\(time).".utf8) + body
        return (["t=\(time)"] + secrets.map { "v1=" + hexadecimal(hmac(signed, key: Array($0.utf8))) })
            .joined(separator: ",")
    }

    private static func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var prepared = key.withUnsafeBytes { ccrypto_hmac_prepare($0.baseAddress, $0.count) }
        return message.withUnsafeBytes { bytes in
            [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
                ccrypto_hmac(&prepared, bytes.baseAddress, bytes.count, buffer.baseAddress)
                count = 32
            }
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
