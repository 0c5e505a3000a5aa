import FoundationEssentials

/// An issuer's public keys. Source: RFC 7517, section 5.
package struct JSONWebKeySet: Sendable {
    /// More keys than this are not a key set.
    package static let maximumKeys = 100

    private let keys: [JSONWebKey]

    /// Skips keys of unknown kinds and keys that are not for signatures: a set may hold them.
    /// - Throws: `TokenError.malformed`
    package init(_ body: [UInt8]) throws(TokenError) {
        guard let list = try? JSONDecoder().decode(Listing.self, from: Data(body)),
            list.keys.count <= Self.maximumKeys
        else { throw .malformed }
        keys = list.keys.compactMap { $0.published.flatMap(JSONWebKey.init) }
    }

    /// - Returns: the token's content, as one of these keys has signed it; nil: none has.
    package func content(of token: SignedToken) -> [UInt8]? {
        candidates(for: token).contains { $0.hasSigned(token) } ? token.content : nil
    }

    /// The keys of the token's key id that may be used with its algorithm. A token that names no key can only
    /// mean the one that fits, if there is just one (OpenID Connect Core 1.0, section 10.1).
    private func candidates(for token: SignedToken) -> [JSONWebKey] {
        let fitting = keys.filter { $0.fits(token.algorithm) }
        guard let id = token.keyID else { return fitting.count == 1 ? fitting : [] }
        return fitting.filter { $0.id?.utf8.elementsEqual(id.utf8) == true }
    }

    private struct Listing: Decodable {
        var keys: [Entry]
    }

    private struct Entry: Decodable {
        /// nil: it cannot be read.
        var published: JSONWebKey.Published?

        init(from decoder: any Decoder) throws { published = try? JSONWebKey.Published(from: decoder) }
    }
}
