import CCrypto

/// What a message is signed with by two who share a key: pushes to tenants, and the events of Stripe.
package enum HMACSHA256 {
    /// 64 hexadecimal digits, as signatures stand in headers.
    package static func text(_ message: [UInt8], key: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let bytes = sign(message, key: key)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func sign(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var prepared = ccrypto_hmac_prepare(key, key.count)
        ccrypto_hmac(&prepared, message, message.count, &digest)
        OPENSSL_cleanse(&prepared, MemoryLayout.size(ofValue: prepared))
        return digest
    }

    /// In a time that depends on the lengths alone.
    package static func isEqual(_ one: some StringProtocol, _ other: some StringProtocol) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        return one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}
