import Foundation
import JSONWebTokens
import TestSupport
import Testing
import WireText

/// A public key as a key set has it.
func json(_ published: [String: String]) throws -> String {
    String(decoding: try JSONEncoder().encode(published), as: UTF8.self)
}

@Suite struct SigningKeyTests {
    private struct Claims: Codable, Equatable {
        var sub = "ada"
        var url = "https://cp.example/é"
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func whatAKeySignsItsPublishedHalfTakes(algorithm: SignatureAlgorithm) throws {
        let (key, other) = (try SigningKey(algorithm, id: "a key"), try SigningKey(algorithm, id: "a key"))
        let token = try key.sign(Claims())
        let taken = try #require(try content(token, [json(key.published)]))
        #expect(try JSONDecoder().decode(Claims.self, from: Data(taken)) == Claims())
        #expect(try content(token, [json(other.published)]) == nil)
        #expect(key.published["alg"] == algorithm.rawValue && key.published["kid"] == "a key")
    }

    /// 32 runs: about every eighth has a number whose first byte is zero.
    @Test(arguments: [
        (SignatureAlgorithm.es256, 64), (.es384, 96), (.es512, 132), (.edDSA, 64), (.ps256, 256),
    ])
    func aSignatureHasItsFullLengthAlways(algorithm: SignatureAlgorithm, length: Int) throws {
        let key = try SigningKey(algorithm, id: "k")
        for number in 0..<32 {
            let token = try key.sign([number])
            let signature = try #require(token.split(separator: ".").last)
            #expect([UInt8](base64URL: signature)?.count == length)
            #expect(try content(token, [json(key.published)]) != nil)
        }
    }

    @Test func coordinatesHaveTheirFullLengthAlways() throws {
        for _ in 0..<300 {
            let key = try SigningKey(.es256, id: "k").published
            #expect(key["x"]?.utf8.count == 43 && key["y"]?.utf8.count == 43)
        }
    }

    private struct Job: Encodable {
        var algorithm: String
        var key: [String: String]
        var token: String
    }

    /// What joserfc makes of our token, and a token and a key of its own.
    private struct Answer: Decodable {
        var content: String?
        var tamperedIsRefused: Bool
        var key: [String: String]
        var token: String
    }

    @Test func joserfcTakesOurTokensAndWeTakeIts() throws {
        let keys = try SignatureAlgorithm.allCases.map { try SigningKey($0, id: "key of \($0.rawValue)") }
        let jobs = try keys.map {
            Job(algorithm: $0.algorithm.rawValue, key: $0.published, token: try $0.sign(["sub": "ada"]))
        }
        let answers = try Oracle.ask("joserfc_tokens.py", jobs, as: Answer.self)
        #expect(answers.count == SignatureAlgorithm.allCases.count)
        for (job, answer) in zip(jobs, answers) {
            #expect(answer.content == #"{"sub":"ada"}"#, "\(job.algorithm)")
            #expect(answer.tamperedIsRefused, "\(job.algorithm)")
            let taken = try content(answer.token, [json(answer.key)])
            #expect(taken == Array(#"{"from":"joserfc"}"#.utf8), "\(job.algorithm)")
            #expect(try content(answer.token, [json(job.key)]) == nil, "\(job.algorithm)")
        }
    }
}
