import JSONWebTokens
import Testing
import WireText

/// The content of a token if one of these keys, as JSON, has signed it.
func content(_ token: String, _ keys: [String], allowing algorithms: [SignatureAlgorithm]? = nil) throws
    -> [UInt8]?
{
    let set = try JSONWebKeySet(Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8))
    return set.content(
        of: try SignedToken(token, allowing: Set(algorithms ?? SignatureAlgorithm.allCases)))
}

private let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

@Suite struct SignedTokenTests {
    @Test(arguments: Vector.all)
    func publishedTokensAreTaken(vector: Vector) throws {
        #expect(try content(vector.token, [vector.key]) == [UInt8](base64URL: vector.content))
    }

    /// Every character, turned into its neighbour and into one far off.
    @Test(arguments: Vector.all)
    func aTokenWithAnyCharacterChangedIsNot(vector: Vector) throws {
        let characters = Array(vector.token)
        for index in characters.indices {
            let place = alphabet.firstIndex(of: characters[index])
            for other in place.map({ [alphabet[$0 ^ 1], alphabet[$0 ^ 32]] }) ?? ["A", "_"] {
                var changed = characters
                changed[index] = other
                let taken = try? content(String(changed), [vector.key])
                #expect(taken == nil, "\(index): \(other)")
            }
        }
    }

    @Test(arguments: Vector.all)
    func aTokenThatIsCutOrGoesOnIsNot(vector: Vector) throws {
        let signature = try #require([UInt8](base64URL: vector.signature))
        let others = [
            [], Array(signature.dropLast()), Array(signature.dropFirst()), signature + [0], [0] + signature,
            signature + signature, [UInt8](repeating: 0, count: signature.count),
        ]
        for other in others {
            let token = "\(vector.header).\(vector.content).\(other.base64URL)"
            #expect(try content(token, [vector.key]) == nil, "\(other.count) bytes")
        }
    }

    /// The same bytes, spelled otherwise, or more than a token around them.
    @Test(arguments: Vector.all)
    func aTokenHasOneSpelling(vector: Vector) throws {
        let (header, body, signature) = (vector.header, vector.content, vector.signature)
        let spellings = [
            "\(header).\(body).\(signature)=", "\(header).\(body).\(signature)\n", " \(vector.token)",
            "\(header)=.\(body).\(signature)", "\(header).\(body)==.\(signature)", "\(vector.token).",
            ".\(vector.token)", "\(header).\(body)", "\(header).\(body).\(signature).\(signature)", "", "..",
            "a.b.c",
            "\(header).\(body).\(signature.replacing("-", with: "+").replacing("_", with: "/"))+",
        ]
        for spelling in spellings {
            #expect(throws: TokenError.malformed, "\(spelling)") { try content(spelling, [vector.key]) }
        }
    }

    @Test func onlyTheAlgorithmsThatAreAllowedAreTaken() throws {
        let vector = Vector.all[0]
        #expect(try content(vector.token, [vector.key], allowing: [.rs256]) != nil)
        #expect(throws: TokenError.algorithm) {
            try content(vector.token, [vector.key], allowing: [.rs384, .ps256, .es256, .edDSA])
        }
    }

    @Test(arguments: [
        "none", "None", "NONE", "HS256", "HS384", "HS512", "rs256", "RS1", "ES256K", "", " RS256",
    ])
    func noOtherWayOfSigningIsOne(algorithm: String) {
        let header = Array(#"{"alg":"\#(algorithm)"}"#.utf8).base64URL
        for signature in ["", Vector.all[0].signature] {
            #expect(throws: TokenError.algorithm) {
                try content("\(header).\(Vector.all[0].content).\(signature)", [Vector.all[0].key])
            }
        }
    }

    @Test(arguments: [#"["exp"]"#, "[]", "null", #""b64""#, "1", "{}"])
    func criticalExtensionsAreRefused(extensions: String) throws {
        let key = try SigningKey(.es256, id: "e")
        let token = try key.sign(
            header: Array(#"{"alg":"ES256","kid":"e","crit":\#(extensions)}"#.utf8), content: [1])
        #expect(throws: TokenError.criticalExtension) { try content(token, []) }
    }

    @Test(arguments: [
        "", "{", "[]", "null", #""RS256""#, "{}", #"{"alg":null}"#, #"{"alg":1}"#, #"{"alg":["RS256"]}"#,
        #"{"alg":"RS256","kid":1}"#, "{\"alg\":\"RS256\"}\u{0}",
    ])
    func aHeaderThatCannotBeReadIsRefused(header: String) {
        #expect(throws: TokenError.malformed) {
            try content("\(Array(header.utf8).base64URL).AA.AA", [Vector.all[0].key])
        }
    }

    @Test func aTokenIsNoLongerThanItMayBe() throws {
        let key = try SigningKey(.edDSA, id: "d")
        func token(_ count: Int) throws -> String {
            try key.sign(
                header: Array(#"{"alg":"EdDSA"}"#.utf8), content: [UInt8](repeating: 65, count: count))
        }
        let rest = try token(0).utf8.count
        let largest = (SignedToken.maximumLength - rest) / 4 * 3
        #expect(
            try token(largest).utf8.count == SignedToken.maximumLength - (SignedToken.maximumLength - rest)
                % 4)
        #expect(throws: Never.self) { try content(token(largest), []) }
        #expect(throws: TokenError.malformed) { try content(token(largest + 3), []) }
    }
}
