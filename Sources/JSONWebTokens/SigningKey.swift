import CCrypto
import FoundationEssentials
import WireText

/// An issuer's private key, made here and never written down.
package struct SigningKey: Sendable {
    package let id: String
    package let algorithm: SignatureAlgorithm
    /// The public half's members as a key set has them. Source: RFC 7517, section 4.
    package let published: [String: String]
    let handle: KeyHandle

    /// Makes a new key; RSA's have 2,048 bits.
    /// - Throws: `TokenError.cannotSign`
    package init(_ algorithm: SignatureAlgorithm, id: String) throws(TokenError) {
        guard let handle = KeyHandle.generate(algorithm.keyKind),
            let numbers = handle.publicNumbers(algorithm.keyKind)
        else { throw .cannotSign }
        (self.id, self.algorithm, self.handle) = (id, algorithm, handle)
        published = numbers.merging(["use": "sig", "alg": algorithm.rawValue, "kid": id]) { $1 }
    }

    private struct Header: Encodable {
        var alg: String
        var kid: String
        var typ = "JWT"
    }

    /// - Returns: a token that says this.
    package func sign(_ claims: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try sign(
            header: Array(encoder.encode(Header(alg: algorithm.rawValue, kid: id))),
            content: Array(encoder.encode(claims)))
    }

    /// - Parameters:
    ///   - header: JSON, as it is to be signed.
    ///   - content: of any kind.
    package func sign(header: [UInt8], content: [UInt8]) throws(TokenError) -> String {
        let signed = header.base64URL + "." + content.base64URL
        guard let signature = handle.sign(Array(signed.utf8), by: algorithm) else { throw .cannotSign }
        return signed + "." + signature.base64URL
    }
}

extension KeyHandle {
    fileprivate static func generate(_ kind: KeyKind) -> KeyHandle? {
        defer { ERR_clear_error() }
        let type =
            switch kind {
            case .rsa: "RSA"
            case .curve: "EC"
            case .ed25519: "ED25519"
            }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, type, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1 else { return nil }
        let isConfigured =
            switch kind {
            case .rsa: EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2_048) == 1
            case .curve(let curve): EVP_PKEY_CTX_set_group_name(context, curve.rawValue) == 1
            case .ed25519: true
            }
        var key: OpaquePointer?
        guard isConfigured, EVP_PKEY_generate(context, &key) == 1 else { return nil }
        return KeyHandle(key)
    }

    /// The members that make the key, by their names in a key set.
    fileprivate func publicNumbers(_ kind: KeyKind) -> [String: String]? {
        switch kind {
        case .rsa:
            guard let modulus = number(OSSL_PKEY_PARAM_RSA_N), let exponent = number(OSSL_PKEY_PARAM_RSA_E)
            else { return nil }
            return ["kty": "RSA", "n": modulus.base64URL, "e": exponent.base64URL]
        case .curve(let curve):
            guard let x = number(OSSL_PKEY_PARAM_EC_PUB_X, curve.length),
                let y = number(OSSL_PKEY_PARAM_EC_PUB_Y, curve.length)
            else { return nil }
            return ["kty": "EC", "crv": curve.rawValue, "x": x.base64URL, "y": y.base64URL]
        case .ed25519:
            var (point, length) = ([UInt8](repeating: 0, count: 32), 32)
            guard EVP_PKEY_get_raw_public_key(pointer, &point, &length) == 1, length == 32 else { return nil }
            return ["kty": "OKP", "crv": "Ed25519", "x": point.base64URL]
        }
    }

    /// - Parameter length: nil: as many bytes as it takes.
    private func number(_ name: String, _ length: Int? = nil) -> [UInt8]? {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(pointer, name, &number) == 1 else { return nil }
        defer { BN_free(number) }
        var bytes = [UInt8](repeating: 0, count: length ?? Int(BN_num_bits(number) + 7) / 8)
        return BN_bn2binpad(number, &bytes, Int32(bytes.count)) == bytes.count ? bytes : nil
    }
}
