import CCrypto

/// How a token is signed: always with a key that only its issuer has. `none` and the HMAC algorithms are not
/// among them, because a verifier could make such a token itself. Sources: RFC 7518, section 3.1; RFC 8037,
/// section 3.1.
package enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    /// With Ed25519 only: Ed448 is hardly used.
    case edDSA = "EdDSA"

    /// What a key has to be for it.
    var keyKind: KeyKind {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .curve(.p256)
        case .es384: .curve(.p384)
        case .es512: .curve(.p521)
        case .edDSA: .ed25519
        }
    }

    /// libcrypto's; nil where the scheme hashes by itself.
    var digest: OpaquePointer? {
        switch self {
        case .rs256, .ps256, .es256: EVP_sha256()
        case .rs384, .ps384, .es384: EVP_sha384()
        case .rs512, .ps512, .es512: EVP_sha512()
        case .edDSA: nil
        }
    }

    /// RSASSA-PSS, in place of PKCS #1 v1.5.
    var isPSS: Bool {
        switch self {
        case .ps256, .ps384, .ps512: true
        default: false
        }
    }
}

enum KeyKind: Sendable, Equatable {
    case rsa
    case curve(Curve)
    case ed25519

    enum Curve: String, Sendable {
        case p256 = "P-256"
        case p384 = "P-384"
        case p521 = "P-521"

        /// Of a coordinate, and of half a signature, in bytes. Source: RFC 7518, sections 3.4 and 6.2.1.2.
        var length: Int {
            switch self {
            case .p256: 32
            case .p384: 48
            case .p521: 66
            }
        }
    }
}
