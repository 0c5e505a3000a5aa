import AWSSigV4
import TestSupport
import Testing
import WireText

/// Our signatures beside botocore's, on seeded random requests.
@Suite struct BotocoreTests {
    @Test func signsAsBotocoreDoes() throws {
        var generator = JobGenerator(seed: 20_261_123)
        let jobs = (0..<3_000).map { _ in generator.next() }
        let answers = try Oracle.ask("botocore_sign.py", jobs, as: BotocoreAnswer.self)
        #expect(answers.count == jobs.count)
        var differences = 0
        for (job, expected) in zip(jobs, answers) where try job.signedByUs() != expected {
            differences += 1
            if differences <= 3 { Issue.record("\(job)\n\(expected)\n\(try job.signedByUs())") }
        }
        #expect(differences == 0)
    }
}

struct BotocoreAnswer: Decodable, Equatable {
    var canonicalRequest: String
    var stringToSign: String
    var signature: String
    var authorization: String?
    var query: String?
}

struct BotocoreJob: Encodable {
    var mode: String
    var service: String
    var region: String
    var timestamp: String
    var accessKey = "AKIDEXAMPLE"
    var secretKey: String
    var token: String?
    var method: String
    var url: String
    var headers: [[String]]
    var body: String
    var expires: Int?
    var unsigned = false

    func signedByUs() throws -> BotocoreAnswer {
        let credentials = Credentials(
            accessKeyID: accessKey, secretAccessKey: secretKey, sessionToken: token)
        var options = SigningOptions.of(service: service)
        if unsigned { options.payload = .unsigned }
        let signer = Signer(credentials: credentials, region: region, service: service, options: options)
        let date = try #require(SigningDate(timestamp))
        let presignature = try expires.map { try signer.presign(request, at: date, expiresIn: $0) }
        let signature = try presignature?.signature ?? signer.sign(request, at: date)
        return BotocoreAnswer(
            canonicalRequest: String(decoding: signature.canonicalRequest, as: UTF8.self),
            stringToSign: String(decoding: signature.stringToSign, as: UTF8.self),
            signature: signature.signature,
            authorization: presignature == nil ? signature.authorization : nil, query: presignature?.query)
    }

    /// The URL is `https://host/path?query`.
    private var request: SigningRequest {
        let rest = url.dropFirst("https://".count)
        let host = rest.prefix { $0 != "/" }
        let target = rest.dropFirst(host.count).split(separator: "?", maxSplits: 1)
        return SigningRequest(
            method: method, path: String(target[0]), query: target.count > 1 ? String(target[1]) : "",
            headers: [SigningHeader("Host", String(host))] + headers.map { SigningHeader($0[0], $0[1]) },
            body: [UInt8](hex: body)!)
    }
}
