import Digests
import Synchronization

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
        var key = HMACKey("AWS4" + secret)
        for part in [Array(day.utf8), Array(region.utf8), Array(service.utf8), Array("aws4_request".utf8)] {
            key = HMACKey(key.authenticate(part).bytes)
        }
        return keys.withLock { [key] keys in
            if keys.count >= Self.limit { keys.removeAll() }
            keys[scope] = key
            return key
        }
    }
}
