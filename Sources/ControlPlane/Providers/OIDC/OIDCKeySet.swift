import FoundationEssentials
import JWTKit

/// The provider's public keys, by their ids. Source: RFC 7517.
struct OIDCKeySet: Sendable {
    /// More keys than this are not a key set.
    static let maximumKeys = 100

    private let keys: [(id: String?, key: JWK)]

    /// Keys of kinds that are not used here, or for encryption, are passed over: a set may hold them.
    init(_ body: [UInt8]) throws {
        guard let list = try? JSONDecoder().decode(Listing.self, from: Data(body)),
            list.keys.count <= Self.maximumKeys
        else { throw OIDCFailure.invalid("Its key set cannot be read.") }
        keys = list.keys.compactMap { entry in
            guard let key = entry.key, entry.use ?? "sig" == "sig" else { return nil }
            return (key.keyIdentifier?.string, key)
        }
    }

    /// The key of that id, if it may be used with the algorithm. A token without an id fits a lone key.
    func key(id: String?, algorithm: String) -> JWK? {
        let candidates = id == nil && keys.count == 1 ? keys : keys.filter { $0.id == id && id != nil }
        guard candidates.count == 1, var key = candidates.first?.key, Self.fits(key, algorithm) else {
            return nil
        }
        key.algorithm = JWK.Algorithm(rawValue: algorithm)
        key.keyIdentifier = JWKIdentifier(string: id ?? "only")
        return key
    }

    /// The key says what it is for, not the token.
    private static func fits(_ key: JWK, _ algorithm: String) -> Bool {
        guard key.algorithm == nil || key.algorithm?.rawValue == algorithm else { return false }
        return switch algorithm {
        case "RS256": key.keyType == .rsa
        case "ES256": key.keyType == .ecdsa && key.curve?.rawValue == "P-256"
        case "EdDSA": key.keyType == .octetKeyPair && key.curve?.rawValue == "Ed25519"
        default: false
        }
    }

    private struct Listing: Decodable {
        var keys: [Entry]
    }

    private struct Entry: Decodable {
        var use: String?
        var key: JWK?

        enum CodingKeys: String, CodingKey { case use }

        init(from decoder: any Decoder) throws {
            use = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .use)
            key = try? JWK(from: decoder)
        }
    }
}
