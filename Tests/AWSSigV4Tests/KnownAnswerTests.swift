import AWSSigV4
import Testing

/// Signatures that AWS publishes: its Signature Version 4 test suite, and the examples in its S3 and IAM
/// documentation.
@Suite struct KnownAnswerTests {
    static let suiteKey = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    static let documentationKey = Credentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")

    struct Vector: Sendable, CustomTestStringConvertible {
        var name: String
        var path = "/"
        var query = ""
        var header: SigningHeader?
        var normalizes = true
        var token: String?
        var signature: String

        var testDescription: String { name }
    }

    @Test(arguments: [
        Vector(
            name: "get-header-value-multiline",
            header: SigningHeader("My-Header1", "value1\n  value2\n     value3"),
            signature: "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"),
        Vector(
            name: "get-vanilla-with-session-token",
            token: "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
            signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"),
        Vector(
            name: "get-relative-unnormalized", path: "/example/..", normalizes: false,
            signature: "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"),
        Vector(
            name: "get-space-unnormalized", path: "/example space/", normalizes: false,
            signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        Vector(
            name: "get-vanilla-query-order-encoded", query: "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            signature: "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"),
        Vector(
            name: "get-query-plus", query: "c+d",
            signature: "ae684ce3aadc299e3ac7d9216fcc039c7edf40dea57cf5b3005821dd2f176654"),
        Vector(
            name: "get-relative-normalized", path: "/example/..",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ])
    func theSuite(_ vector: Vector) throws {
        var credentials = Self.suiteKey
        credentials.sessionToken = vector.token
        var options = SigningOptions()
        options.normalizesPath = vector.normalizes
        let signer = Signer(
            credentials: credentials, region: "us-east-1", service: "service", options: options)
        let headers = [SigningHeader("Host", "example.amazonaws.com")] + (vector.header.map { [$0] } ?? [])
        let request = SigningRequest(method: "GET", path: vector.path, query: vector.query, headers: headers)
        let signature = try signer.sign(request, at: #require(SigningDate("20150830T123600Z")))
        #expect(
            signature.signature == vector.signature,
            "\(String(decoding: signature.canonicalRequest, as: UTF8.self))")
    }

    @Test func theS3DocumentationsObject() throws {
        let signer = Signer(credentials: Self.documentationKey, region: "us-east-1", service: "s3")
        let headers = [
            SigningHeader("Host", "examplebucket.s3.amazonaws.com"), SigningHeader("Range", "bytes=0-9"),
        ]
        let request = SigningRequest(method: "GET", path: "/test.txt", headers: headers)
        let signature = try signer.sign(request, at: #require(SigningDate("20130524T000000Z")))
        #expect(signature.signature == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(signature.signedHeaders == "host;range;x-amz-content-sha256;x-amz-date")
    }

    @Test func theS3DocumentationsPresignedURL() throws {
        let signer = Signer(credentials: Self.documentationKey, region: "us-east-1", service: "s3")
        let headers = [SigningHeader("Host", "examplebucket.s3.amazonaws.com")]
        let request = SigningRequest(method: "GET", path: "/test.txt", headers: headers)
        let date = try #require(SigningDate("20130524T000000Z"))
        let presignature = try signer.presign(request, at: date, expiresIn: 86_400)
        #expect(
            presignature.query
                == "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
                + "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
                + "&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }
}
