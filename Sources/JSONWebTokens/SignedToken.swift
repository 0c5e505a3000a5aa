import FoundationEssentials
import WireText

/// Why a token cannot even be tried against a key.
package enum TokenError: Error, Sendable, Equatable {
    /// It is too long, not three parts of base64url, or its header cannot be read; or a key set cannot.
    case malformed
    /// Its header names extensions that whoever does not know them must refuse (RFC 7515, section 4.1.11).
    case criticalExtension
    /// It is signed in a way that is not allowed, or not at all.
    case algorithm
    /// libcrypto did not make a key or a signature.
    case cannotSign
}

/// A signed token as it came: read, and not believed. Its content is only had from a `JSONWebKeySet`.
/// Sources: RFC 7515, section 5.2 (compact serialization); RFC 7519, section 7.2.
package struct SignedToken: Sendable {
    /// Of the whole text, in bytes.
    package static let maximumLength = 16_384

    package let algorithm: SignatureAlgorithm
    package let keyID: String?
    /// What the signature is over.
    let signed: [UInt8]
    let content: [UInt8]
    let signature: [UInt8]

    package init(_ text: String, allowing algorithms: Set<SignatureAlgorithm>) throws(TokenError) {
        guard text.utf8.count <= Self.maximumLength else { throw .malformed }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = [UInt8](base64URL: parts[0]),
            let content = [UInt8](base64URL: parts[1]), let signature = [UInt8](base64URL: parts[2]),
            let header = try? JSONDecoder().decode(Header.self, from: Data(head))
        else { throw .malformed }
        guard !header.hasCriticalExtensions else { throw .criticalExtension }
        guard let algorithm = SignatureAlgorithm(rawValue: header.algorithm), algorithms.contains(algorithm)
        else { throw .algorithm }
        (self.algorithm, keyID) = (algorithm, header.keyID)
        (self.content, self.signature) = (content, signature)
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }

    private struct Header: Decodable {
        var algorithm: String
        var keyID: String?
        /// Whatever they are: an empty list is not allowed either.
        var hasCriticalExtensions: Bool

        enum CodingKeys: String, CodingKey {
            case algorithm = "alg"
            case keyID = "kid"
            case criticalExtensions = "crit"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            algorithm = try container.decode(String.self, forKey: .algorithm)
            keyID = try container.decodeIfPresent(String.self, forKey: .keyID)
            hasCriticalExtensions = container.contains(.criticalExtensions)
        }
    }
}
