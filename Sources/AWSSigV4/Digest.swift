import CCrypto
import Synchronization

/// A key for HMAC-SHA256, its two blocks hashed in advance.
struct HMACKey: Sendable {
    private let state: ccrypto_hmac_key

    init(_ key: [UInt8]) {
        state = key.withUnsafeBytes { ccrypto_hmac_prepare($0.baseAddress, $0.count) }
    }

    func authenticate(_ message: [UInt8]) -> [UInt8] {
        withUnsafePointer(to: state) { key in
            message.withUnsafeBytes { bytes in
                [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
                    ccrypto_hmac(key, bytes.baseAddress, bytes.count, buffer.baseAddress)
                    count = 32
                }
            }
        }
    }
}

/// Signing keys derived so far: four HMACs saved for each request of the same day, region and service.
package final class SigningKeyCache: Sendable {
    package static let shared = SigningKeyCache()

    /// A process signs with few keys; should it see more than this, it starts over.
    static let limit = 256

    private struct Scope: Hashable {
        var day: Substring
        var region: String
        var service: String
        var secret: String
    }

    private let keys = Mutex<[Scope: HMACKey]>([:])

    package init() {}

    func key(_ secret: String, _ day: Substring, _ region: String, _ service: String) -> HMACKey {
        let scope = Scope(day: day, region: region, service: service, secret: secret)
        if let key = keys.withLock({ $0[scope] }) { return key }
        var key = HMACKey(Array("AWS4".utf8) + Array(secret.utf8))
        for part in [Array(day.utf8), Array(region.utf8), Array(service.utf8), Array("aws4_request".utf8)] {
            key = HMACKey(key.authenticate(part))
        }
        return keys.withLock { [key] keys in
            if keys.count >= Self.limit { keys.removeAll() }
            keys[scope] = key
            return key
        }
    }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { source in
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            ccrypto_sha256(source.baseAddress, source.count, buffer.baseAddress)
            count = 32
        }
    }
}

/// Lower-case hexadecimal.
func hex(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count * 2) { buffer, count in
        for (index, byte) in bytes.enumerated() {
            buffer[2 * index] = hexDigit(byte >> 4)
            buffer[2 * index + 1] = hexDigit(byte & 15)
        }
        count = bytes.count * 2
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
}
