import CCrypto
import Foundation
import JSONWebTokens
import Testing
import WireText

@Suite struct JSONWebKeySetTests {
    /// A header that names the key, or none.
    private func token(_ key: SigningKey, id: String?) throws -> String {
        var header = ["alg": key.algorithm.rawValue]
        header["kid"] = id
        return try key.sign(header: Array(JSONEncoder().encode(header)), content: Array("hello".utf8))
    }

    private func isTaken(
        _ key: SigningKey, id: String?, among published: [[String: String]], raw: [String] = []
    ) throws -> Bool {
        try content(token(key, id: id), raw + published.map { try json($0) }) != nil
    }

    /// RFC 7517, section 4.5: keys of one id are to be told apart by what else they say.
    @Test func ofSeveralKeysOfOneIDTheFittingOneIsUsed() throws {
        let keys = try SignatureAlgorithm.allCases.map { try SigningKey($0, id: "k") }
        for key in keys {
            #expect(try isTaken(key, id: "k", among: keys.map(\.published)), "\(key.algorithm)")
        }
        let (one, other) = (try SigningKey(.rs256, id: "k"), try SigningKey(.rs256, id: "k"))
        var forEncryption = other.published
        forEncryption["use"] = "enc"
        for published in [[forEncryption, one.published], [one.published, forEncryption]] {
            #expect(try isTaken(one, id: "k", among: published))
            #expect(try !isTaken(other, id: "k", among: published), "a key for encryption verifies nothing")
        }
        #expect(try isTaken(one, id: "k", among: [other.published, one.published]), "while keys are changed")
        #expect(try isTaken(other, id: "k", among: [other.published, one.published]))
    }

    @Test func theKeySaysWhatItIsForNotTheToken() throws {
        let key = try SigningKey(.rs256, id: "k")
        for algorithm in SignatureAlgorithm.allCases where algorithm != .rs256 {
            var published = key.published
            published["alg"] = algorithm.rawValue
            #expect(try !isTaken(key, id: "k", among: [published]), "\(algorithm)")
            // Signed with the same RSA key by another scheme than the key is published for.
            let header = Array(#"{"alg":"\#(algorithm.rawValue)","kid":"k"}"#.utf8)
            let token = try key.sign(header: header, content: [1])
            #expect(try content(token, [json(key.published)]) == nil, "\(algorithm)")
        }
        var open = key.published
        open["alg"] = nil
        #expect(try isTaken(key, id: "k", among: [open]))
        #expect(try !isTaken(SigningKey(.ps256, id: "k"), id: "k", among: [open]))
    }

    @Test(arguments: [
        (#""key_ops":["verify"]"#, true), (#""key_ops":["sign","verify"]"#, true),
        (#""key_ops":["sign"]"#, false),
        (#""key_ops":[]"#, false), (#""key_ops":["wrapKey"]"#, false), (#""key_ops":"verify""#, false),
        (#""use":"sig""#, true), (#""use":"enc""#, false), (#""use":"SIG""#, false), (#""use":7"#, false),
    ])
    func aKeyIsUsedForWhatItIsMeantFor(member: String, isUsed: Bool) throws {
        let key = try SigningKey(.es384, id: "k")
        var published = key.published
        published["use"] = nil
        let text = "{\(member),\(try json(published).dropFirst())"
        #expect(try isTaken(key, id: "k", among: [], raw: [text]) == isUsed)
    }

    @Test func aTokenWithoutAnIDFitsALoneKey() throws {
        let (key, other) = (try SigningKey(.es256, id: "k"), try SigningKey(.es256, id: "o"))
        let elsewhere = try SigningKey(.rs256, id: "r")
        #expect(try isTaken(key, id: nil, among: [key.published]))
        #expect(try isTaken(key, id: nil, among: [elsewhere.published, key.published]))
        #expect(try !isTaken(key, id: nil, among: [key.published, other.published]))
        #expect(try !isTaken(key, id: nil, among: []))
    }

    @Test func anIDIsComparedByItsBytes() throws {
        let key = try SigningKey(.es256, id: "caf\u{e9}")
        #expect(try isTaken(key, id: "caf\u{e9}", among: [key.published]))
        for id in ["cafe\u{301}", "CAF\u{e9}", "caf", ""] {
            #expect(try !isTaken(key, id: id, among: [key.published]), "\(id)")
        }
        var nameless = key.published
        nameless["kid"] = nil
        #expect(try !isTaken(key, id: "k", among: [nameless]), "a token that names its key means that one")
        #expect(try isTaken(key, id: nil, among: [nameless]))
    }

    /// What is no key here is passed over, and the others are used.
    @Test(arguments: [
        #"{"kty":"oct","k":"AAAA","kid":"k"}"#,
        #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","kid":"k"}"#,
        #"{"kty":"OKP","crv":"X25519","x":"AA","kid":"k"}"#,
        #"{"kty":"OKP","crv":"Ed448","x":"AA","kid":"k"}"#,
        #"{"kty":"RSA","kid":"k"}"#, #"{"kty":7,"kid":"k"}"#, #"{"kid":"k"}"#, "{}", "7", "null", "[]",
        #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
    ])
    func otherKeysArePassedOver(other: String) throws {
        let key = try SigningKey(.edDSA, id: "k")
        #expect(try isTaken(key, id: "k", among: [key.published], raw: [other]))
    }

    @Test(arguments: ["", "{", "[]", "{}", #"{"keys":null}"#, #"{"keys":{}}"#, #"{"keys":"AA"}"#])
    func whatIsNoKeySetIsRefused(text: String) {
        #expect(throws: TokenError.malformed) { try JSONWebKeySet(Array(text.utf8)) }
    }

    @Test func aSetHasAtMostItsMaximumOfKeys() throws {
        func set(_ count: Int) -> [UInt8] {
            Array(#"{"keys":[\#(Array(repeating: "{}", count: count).joined(separator: ","))]}"#.utf8)
        }
        #expect(throws: Never.self) { try JSONWebKeySet(set(JSONWebKeySet.maximumKeys)) }
        #expect(throws: TokenError.malformed) { try JSONWebKeySet(set(JSONWebKeySet.maximumKeys + 1)) }
    }

    private func isTaken(changing member: String, of key: SigningKey, to value: String) throws -> Bool {
        var published = key.published
        published[member] = value
        return try isTaken(key, id: "k", among: [published])
    }

    @Test(arguments: [SignatureAlgorithm.es256, .es384, .es512])
    func aPointHasToBeOnItsCurveAndInFullLength(algorithm: SignatureAlgorithm) throws {
        let key = try SigningKey(algorithm, id: "k")
        let x = try #require(key.published["x"].flatMap { [UInt8](base64URL: $0) })
        var off = x
        off[x.count - 1] ^= 1
        let zeros = [UInt8](repeating: 0, count: x.count)
        for wrong in [off, zeros, [0] + x, Array(x.dropFirst()), Array(x.dropLast()), x + [0], []] {
            #expect(try !isTaken(changing: "x", of: key, to: wrong.base64URL), "\(wrong.count)")
        }
        for curve in ["P-256", "P-384", "P-521", "p-256", ""] where curve != key.published["crv"] {
            #expect(try !isTaken(changing: "crv", of: key, to: curve), "\(curve)")
        }
    }

    @Test func anEd25519KeyHas32Bytes() throws {
        let key = try SigningKey(.edDSA, id: "k")
        let x = try #require(key.published["x"].flatMap { [UInt8](base64URL: $0) })
        for wrong in [Array(x.dropLast()), x + [0], []] {
            #expect(try !isTaken(changing: "x", of: key, to: wrong.base64URL))
        }
    }

    @Test func aModulusAndAnExponentHaveToBeOfAnRSAKey() throws {
        let key = try SigningKey(.rs256, id: "k")
        let n = try #require(key.published["n"].flatMap { [UInt8](base64URL: $0) })
        var even = n
        even[255] &= 0xfe
        for wrong in [even, Array(n.dropFirst()), [UInt8](repeating: 0, count: 256), []] {
            #expect(try !isTaken(changing: "n", of: key, to: wrong.base64URL))
        }
        for exponent: [UInt8] in [[], [0], [1], [2], [1, 0, 0], n + n] {
            #expect(try !isTaken(changing: "e", of: key, to: exponent.base64URL), "\(exponent.count)")
        }
        #expect(
            try isTaken(changing: "n", of: key, to: ([0] + n).base64URL), "a leading zero changes no number")
    }

    /// Made and used by libcrypto all the same: the refusal is ours.
    @Test(arguments: [(512, false), (1_024, false), (2_040, false), (2_048, true), (3_072, true)])
    func anRSAKeyHasAtLeast2048Bits(bits: Int, isTaken: Bool) throws {
        let pair = try #require(RSAPair(bits: bits))
        let header = Array(#"{"alg":"RS256"}"#.utf8).base64URL
        let signed = "\(header).\([UInt8]([1]).base64URL)"
        let token = "\(signed).\(pair.sign(Array(signed.utf8)).base64URL)"
        #expect(try content(token, [json(pair.published)]) == (isTaken ? [1] : nil))
    }

    /// RFC 7518, section 3.5: the salt is as long as the hash.
    @Test func aSaltOfAnotherLengthIsRefused() throws {
        let pair = try #require(RSAPair(bits: 2_048))
        let signed = Array(#"{"alg":"PS256"}"#.utf8).base64URL + "." + [UInt8]([1]).base64URL
        for (length, isTaken) in [
            (0, false), (20, false), (31, false), (32, true), (33, false), (222, false),
        ] {
            let token = "\(signed).\(pair.sign(Array(signed.utf8), salt: length).base64URL)"
            #expect(try content(token, [json(pair.published)]) == (isTaken ? [1] : nil), "\(length) bytes")
        }
    }
}

/// An RSA key of any length, straight from libcrypto.
private final class RSAPair {
    private let key: OpaquePointer

    init?(bits: Int) {
        let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1,
            EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { return nil }
        self.key = key
    }

    deinit { EVP_PKEY_free(key) }

    var published: [String: String] {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &number) == 1 else { return [:] }
        defer { BN_free(number) }
        var modulus = [UInt8](repeating: 0, count: Int(BN_num_bits(number) + 7) / 8)
        BN_bn2bin(number, &modulus)
        return ["kty": "RSA", "n": modulus.base64URL, "e": "AQAB"]
    }

    /// With SHA-256: RSASSA-PSS with a salt of this length, or RSASSA-PKCS1-v1_5.
    func sign(_ message: [UInt8], salt: Int? = nil) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key)))
        var length = signature.count
        var options: OpaquePointer?
        guard EVP_DigestSignInit(context, &options, EVP_sha256(), nil, key) == 1,
            salt.map({ Self.configure(options, salt: $0) }) ?? true,
            EVP_DigestSign(context, &signature, &length, message, message.count) == 1
        else { return [] }
        return Array(signature.prefix(length))
    }

    private static func configure(_ options: OpaquePointer?, salt: Int) -> Bool {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(options, Int32(salt)) == 1
    }
}
