import CCrypto
import WireText

/// A published key, to verify signatures with. Sources: RFC 7517, section 4; RFC 7518, section 6; RFC 8037,
/// section 2.
struct JSONWebKey: Sendable {
    /// Shorter moduli are not to be used (RFC 7518, section 3.3), libcrypto takes no longer ones.
    static let modulusBits = 2_048...16_384

    /// Several keys may share one (RFC 7517, section 4.5).
    let id: String?
    /// The only algorithm that it may be used with, by its own word.
    private let algorithm: String?
    private let kind: KeyKind
    private let handle: KeyHandle

    /// The key says what it is for, not the token.
    func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        kind == algorithm.keyKind && (self.algorithm == nil || self.algorithm == algorithm.rawValue)
    }

    /// - Parameter token: of an algorithm that the key fits.
    func hasSigned(_ token: SignedToken) -> Bool {
        handle.verifies(token.signature, of: token.signed, by: token.algorithm)
    }

    /// As it is published, as far as it is read here.
    struct Published: Decodable {
        var kty: String
        var kid: String?
        var use: String?
        var operations: [String]?
        var alg: String?
        var crv: String?
        var x: String?
        var y: String?
        var n: String?
        var e: String?

        enum CodingKeys: String, CodingKey {
            case kty, kid, use, alg, crv, x, y, n, e
            case operations = "key_ops"
        }
    }

    /// - Returns: nil for a key of another kind or use, and for numbers that are no key: a short modulus, a
    ///   point that is not on its curve, text that is not base64url.
    init?(_ published: Published) {
        guard published.use ?? "sig" == "sig", published.operations?.contains("verify") ?? true,
            let (kind, handle) = Self.key(published)
        else { return nil }
        (id, algorithm, self.kind, self.handle) = (published.kid, published.alg, kind, handle)
    }

    private static func key(_ published: Published) -> (KeyKind, KeyHandle)? {
        func bytes(_ text: String?) -> [UInt8]? { text.flatMap { [UInt8](base64URL: $0) } }
        let handle: KeyHandle?
        let kind: KeyKind
        switch published.kty {
        case "RSA":
            guard let modulus = bytes(published.n), let exponent = bytes(published.e) else { return nil }
            (kind, handle) = (.rsa, rsa(modulus, exponent))
        case "EC":
            guard let curve = published.crv.flatMap(KeyKind.Curve.init), let x = bytes(published.x),
                let y = bytes(published.y), x.count == curve.length, y.count == curve.length
            else { return nil }
            let point = [4] + x + y
            (kind, handle) = (
                .curve(curve), KeyHandle(cp_ec_public_key(curve.rawValue, point, point.count))
            )
        case "OKP":
            guard published.crv == "Ed25519", let point = bytes(published.x) else { return nil }
            let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, point, point.count)
            if key == nil { ERR_clear_error() }
            (kind, handle) = (.ed25519, KeyHandle(key))
        default: return nil
        }
        return handle.map { (kind, $0) }
    }

    private static func rsa(_ modulus: [UInt8], _ exponent: [UInt8]) -> KeyHandle? {
        let bits = modulus.drop { $0 == 0 }
        let count = bits.count * 8 - (bits.first?.leadingZeroBitCount ?? 0)
        guard modulusBits.contains(count), exponent.count <= modulus.count else { return nil }
        return KeyHandle(
            cp_rsa_public_key(modulus, Int32(modulus.count), exponent, Int32(exponent.count)))
    }
}
