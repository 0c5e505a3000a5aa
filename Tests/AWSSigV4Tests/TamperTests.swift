import AWSSigV4
import Testing

/// Any one byte of a signed request changed: refused.
@Suite struct TamperTests {
    private static let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    private static let owner = Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret")
    private static let now = SigningDate(unixSeconds: 1_800_000_000)

    private func isAccepted(_ request: SigningRequest) -> Bool {
        let identity = try? Verifier().verify(
            request, regions: ["r"], services: ["ec2", "s3"], now: Self.now,
            credentials: { $0 == Self.owner.accessKeyID ? Self.owner : nil })
        return identity != nil
    }

    /// The alphabets hold nothing that has two spellings of one meaning.
    private func makeRequest(_ random: inout SeededGenerator) throws -> SigningRequest {
        let service = random.chance(50) ? "ec2" : "s3"
        var request = SigningRequest(
            method: "POST",
            path: "/" + random.text(Self.letters, 1...9) + "/" + random.text(Self.letters, 1...9),
            query: "\(random.text(Self.letters, 1...5))=\(random.text(Self.letters, 1...5))&z=1",
            headers: [
                SigningHeader("Host", "ec2.amazonaws.com"),
                SigningHeader("X-Amz-Meta", random.text(Self.letters, 1...20)),
            ],
            body: (0..<Int.random(in: 1...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            })
        let signer = Signer(credentials: Self.owner, region: "r", service: service)
        if service == "ec2", random.chance(50) {
            request.query = try signer.presign(request, at: Self.now, expiresIn: 600).query
        } else {
            request.headers += try signer.sign(request, at: Self.now).headers
        }
        return request
    }

    @Test func anyChangedByteIsRefused() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<400 {
            let request = try makeRequest(&random)
            #expect(isAccepted(request))
            for _ in 0..<25 {
                let changed = change(request, &random)
                let wasAccepted = isAccepted(changed)
                #expect(!wasAccepted, "\(changed)")
            }
        }
    }

    private func change(_ request: SigningRequest, _ random: inout SeededGenerator) -> SigningRequest {
        var changed = request
        switch Int.random(in: 0..<5, using: &random) {
        case 0: changed.method = replaceByte(request.method, &random)
        case 1: changed.path = replaceByte(request.path, &random)
        case 2: changed.query = replaceByte(request.query, &random)
        case 3:
            let index = request.headers.indices.randomElement(using: &random)!
            changed.headers[index].value = replaceByte(request.headers[index].value, &random)
        default:
            let index = request.body.indices.randomElement(using: &random)!
            changed.body[index] ^= UInt8.random(in: 1...255, using: &random)
        }
        return changed
    }

    private func replaceByte(_ text: String, _ random: inout SeededGenerator) -> String {
        var bytes = Array(text.utf8)
        let index = bytes.indices.randomElement(using: &random)!
        let old = bytes[index]
        repeat { bytes[index] = UInt8.random(in: 0x21...0x7E, using: &random) } while bytes[index] == old
        // `%2f` and `%2F` mean the same.
        return String(decoding: bytes, as: UTF8.self) == text.replacing("%2F", with: "%2f")
            ? replaceByte(text, &random) : String(decoding: bytes, as: UTF8.self)
    }
}
