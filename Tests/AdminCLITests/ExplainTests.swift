import Testing

@testable import AdminCLI

/// Requests and signatures of AWS's Signature Version 4 test suite, through the command.
@Suite struct ExplainTests {
    private static let arguments = [
        "--access-key", "AKIDEXAMPLE", "--secret-key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "--region", "us-east-1", "--service", "service", "--date", "20150830T123600Z",
    ]

    private func explain(
        _ request: String, _ more: [String] = [], environment: [String: String] = [:]
    ) throws -> SignatureExplanation {
        try ExplainSignature.parse(Self.arguments + more).explain(
            Array(request.utf8), environment: environment)
    }

    struct Vector: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var request: String
        var options: [String] = []
        var signature: String
    }

    static let vectors = [
        Vector(
            testDescription: "get-vanilla",
            request: "GET / HTTP/1.1\nHost:example.amazonaws.com\nX-Amz-Date:20150830T123600Z\n\n",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Vector(
            testDescription: "get-header-value-multiline",
            request: "GET / HTTP/1.1\nHost:example.amazonaws.com\nMy-Header1:value1\n  value2\n     value3",
            signature: "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"),
        Vector(
            testDescription: "get-header-key-duplicate",
            request: "GET / HTTP/1.1\nHost:example.amazonaws.com\nMy-Header1:value2\nMy-Header1:value2\n"
                + "My-Header1:value1\n",
            signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        Vector(
            testDescription: "get-utf8", request: "GET /ሴ HTTP/1.1\r\nHost:example.amazonaws.com\r\n\r\n",
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        Vector(
            testDescription: "get-space-unnormalized",
            request: "GET /example space/ HTTP/1.1\nHost:example.amazonaws.com\n\n",
            options: ["--no-normalize"],
            signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        Vector(
            testDescription: "get-relative-unnormalized",
            request: "GET /example/.. HTTP/1.1\nHost:example.amazonaws.com\n\n", options: ["--no-normalize"],
            signature: "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"),
        Vector(
            testDescription: "post-sts-header-after",
            request: "POST / HTTP/1.1\nHost:example.amazonaws.com\n\n",
            options: ["--session-token", "AQoDYXdzEPT", "--omit-session-token"],
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        Vector(
            testDescription: "post-x-www-form-urlencoded",
            request: "POST / HTTP/1.1\nContent-Type:application/x-www-form-urlencoded\n"
                + "Host:example.amazonaws.com\nContent-Length:13\n\nParam1=value1", options: ["--sign-body"],
            signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"),
        Vector(
            testDescription: "post-x-www-form-urlencoded, in the query",
            request: "POST / HTTP/1.1\nContent-Type:application/x-www-form-urlencoded\n"
                + "Host:example.amazonaws.com\nContent-Length:13\nX-Amz-Date:20150830T123600Z\n\n"
                + "Param1=value1",
            options: ["--sign-body", "--presign", "3600"],
            signature: "9bda1b46f053cb8e3de5e3a232636eec80eaedc7dc350692d939fec9fff6ca56"),
        Vector(
            testDescription: "post-x-www-form-urlencoded-parameters, in the query",
            request: "POST / HTTP/1.1\nContent-Type:application/x-www-form-urlencoded; charset=utf-8\n"
                + "Host:example.amazonaws.com\nContent-Length:13\n\nParam1=value1",
            options: ["--sign-body", "--presign", "3600"],
            signature: "b54391dacb584af6cad300751db7a6bd6674ee0f708af14736fcee902a9a2b3b"),
        Vector(
            testDescription: "post-unsigned-payload, in the query",
            request: "POST / HTTP/1.1\nHost:example.amazonaws.com\nContent-Length:13\n\nParam1=value1\n",
            options: ["--sign-body", "--unsigned-payload", "--presign", "3600"],
            signature: "d5b951b200c7f96f239466b3e1978083ccd08678d4aea2b0bebaa6b2cf3d8c13"),
    ]

    @Test(arguments: vectors) func theSuite(_ vector: Vector) throws {
        let explanation = try explain(vector.request, vector.options)
        #expect(explanation.signature == vector.signature, "\(explanation.canonicalRequest)")
    }

    @Test func aSignedURLCanBeSentAsItIs() throws {
        let explanation = try explain(
            "GET /a b?x=1 HTTP/1.1\nHost: example.amazonaws.com\n\n",
            ["--presign", "60", "--session-token", "a/b", "--omit-session-token"])
        let url = try #require(explanation.signedURL)
        #expect(url.hasPrefix("https://example.amazonaws.com/a%20b?x=1&X-Amz-Algorithm="))
        #expect(url.hasSuffix("&X-Amz-Signature=\(explanation.signature)&X-Amz-Security-Token=a%2Fb"))
        #expect(explanation.authorization == nil)
    }

    @Test func theEnvironmentsTokenNeverJoinsAKeyGivenAsAnOption() throws {
        let environment = [
            "AWS_ACCESS_KEY_ID": "OTHER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "token",
        ]
        let request = "GET / HTTP/1.1\nHost: h\n\n"
        #expect(try !explain(request, environment: environment).canonicalRequest.contains("token"))
        let command = try ExplainSignature.parse(["--region", "r", "--service", "ec2"])
        let fromEnvironment = try command.explain(Array(request.utf8), environment: environment)
        #expect(fromEnvironment.canonicalRequest.contains("x-amz-security-token:token"))
        #expect(fromEnvironment.authorization?.contains("Credential=OTHER/") == true)
    }

    @Test(arguments: [
        "", "\n\n", "GET / HTTP/1.1\n\n", "nonsense", "GET / HTTP/1.1\nno header\n\n",
        "GET / HTTP/1.1\n folded\n",
    ])
    func whatIsNoRequestIsRefused(_ text: String) {
        #expect(throws: Failure.self) { try explain(text) }
    }

    @Test(arguments: ["2015-08-30", "20150230T000000Z", "yesterday", ""]) func aWrongDateIsRefused(
        _ date: String
    ) {
        #expect(throws: Failure.self) {
            try ExplainSignature.parse(Array(Self.arguments.dropLast()) + [date])
                .explain(Array("GET / HTTP/1.1\nHost: h\n\n".utf8), environment: [:])
        }
    }

    @Test func theBodyEndsWhereContentLengthSays() throws {
        #expect(
            try RawRequest(Array("PUT /x HTTP/1.1\nContent-Length: 2\n\nabc".utf8)).request.body
                == Array("ab".utf8))
        #expect(
            try RawRequest(Array("PUT /x HTTP/1.1\n\na\r\nb\n".utf8)).request.body == Array("a\r\nb\n".utf8))
        let absolute = try RawRequest(Array("GET https://h:1/p?q=1 HTTP/1.1\r\n\r\n".utf8)).request
        #expect(absolute.path == "/p" && absolute.query == "q=1" && absolute.header("Host") == "h:1")
    }
}
