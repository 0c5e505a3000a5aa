import AWSSigV4
import Testing

@Suite struct VerifierTests {
    static let owner = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "token")
    static let now = SigningDate(unixSeconds: 1_800_000_000)
    static let headers = [
        SigningHeader("Host", "ec2.eu-central-1.amazonaws.com"),
        SigningHeader("Content-Type", "text/plain; a=b"),
        SigningHeader("X-Amz-Target", "A.B"), SigningHeader("User-Agent", "anything"),
    ]

    private func signed(
        _ service: String = "ec2", at date: SigningDate = now, secret: String = "secret",
        change: (inout SigningOptions) -> Void = { _ in }
    ) throws -> SigningRequest {
        var options = SigningOptions.of(service: service)
        change(&options)
        var credentials = Self.owner
        credentials.secretAccessKey = secret
        let signer = Signer(
            credentials: credentials, region: "eu-central-1", service: service, options: options)
        var request = SigningRequest(
            method: "POST", path: "/a/b", query: "x=1&y=two", headers: Self.headers,
            body: Array("Action=Run".utf8))
        request.headers += try signer.sign(request, at: date).headers
        return request
    }

    private func presigned(_ service: String, at date: SigningDate = now) throws -> SigningRequest {
        let signer = Signer(credentials: Self.owner, region: "eu-central-1", service: service)
        var request = SigningRequest(method: "GET", path: "/a/b", query: "x=1", headers: [Self.headers[0]])
        request.query = try signer.presign(request, at: date, expiresIn: 600).query
        return request
    }

    private func verify(_ request: SigningRequest) throws(VerificationError) -> Verifier.Identity {
        try Verifier().verify(
            request, regions: ["eu-central-1"], services: ["ec2", "ssm", "s3"], now: Self.now,
            credentials: { $0 == Self.owner.accessKeyID ? Self.owner : nil })
    }

    private func failure(_ request: SigningRequest) -> VerificationError? {
        do throws(VerificationError) {
            _ = try verify(request)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["ec2", "ssm", "s3"]) func acceptsWhatWeSign(_ service: String) throws {
        let identity = try verify(signed(service))
        #expect(identity.service == service && identity.region == "eu-central-1" && !identity.isPresigned)
        #expect(try verify(presigned(service)).isPresigned)
        #expect(try verify(signed(service) { $0.omitsSessionToken = true }).accessKeyID == "AKIDEXAMPLE")
        #expect(Verifier.claimedService(of: try signed(service)) == service)
    }

    @Test(arguments: [-300, 300]) func acceptsASkewOfFiveMinutes(_ seconds: Int) throws {
        _ = try verify(signed(at: SigningDate(unixSeconds: Self.now.unixSeconds + seconds)))
    }

    @Test(arguments: [-301, 301, -86_400]) func refusesMoreSkew(_ seconds: Int) throws {
        let request = try signed(at: SigningDate(unixSeconds: Self.now.unixSeconds + seconds))
        #expect(failure(request) == .skewed(seconds: abs(seconds)))
    }

    @Test func refusesAnExpiredURL() throws {
        let at = { SigningDate(unixSeconds: Self.now.unixSeconds + $0) }
        _ = try verify(presigned("s3", at: at(-600)))
        #expect(failure(try presigned("s3", at: at(-601))) == .expired)
        #expect(failure(try presigned("s3", at: at(301))) == .skewed(seconds: 301))
    }

    @Test func refusesAWrongSecretAndSaysWhatItExpected() throws {
        guard case .signatureMismatch(let canonical, let stringToSign) = failure(try signed(secret: "other"))
        else {
            Issue.record("accepted")
            return
        }
        #expect(canonical.hasPrefix("POST\n/a/b\nx=1&y=two\n"))
        #expect(stringToSign.hasPrefix("AWS4-HMAC-SHA256\n"))
    }

    @Test func refusesAnotherScope() throws {
        let request = try signed("kms")
        #expect(failure(request)?.code(.ec2).code == "AuthFailure")
        guard case .wrongScope = failure(request) else {
            Issue.record("accepted")
            return
        }
    }

    @Test func refusesAnUnknownKeyAndNone() throws {
        var request = try signed()
        request.headers[request.headers.count - 1].value.replace("AKIDEXAMPLE", with: "AKIDOTHER")
        #expect(failure(request) == .unknownAccessKey("AKIDOTHER"))
        request.headers.removeLast()
        #expect(failure(request) == .missingAuthentication)
    }

    @Test func refusesAnUnsignedHost() throws {
        var request = try signed()
        request.headers[request.headers.count - 1].value.replace(";host;", with: ";")
        #expect(failure(request) == .unsignedHeader("host"))
    }

    @Test func refusesHeadersAddedAfterSigning() throws {
        var request = try signed()
        request.headers.append(SigningHeader("X-Amz-Acl", "public"))
        #expect(failure(request) == .unsignedHeader("x-amz-acl"))
    }

    @Test func refusesABodyThatIsNotTheHashed() throws {
        var request = try signed { $0.addsContentHash = true }
        request.body.append(0)
        #expect(failure(request) == .wrongBodyHash)
        #expect(failure(request)?.code(.s3).code == "XAmzContentSHA256Mismatch")
    }

    @Test func refusesAnUnsignedBodyOutsideS3() throws {
        #expect(failure(try signed { $0.payload = .unsigned }) == .wrongBodyHash)
        _ = try verify(signed("s3") { $0.payload = .unsigned })
    }

    @Test func refusesAnotherSessionToken() throws {
        var request = try signed { $0.omitsSessionToken = true }
        for index in request.headers.indices where request.headers[index].value == "token" {
            request.headers[index].value = "other"
        }
        #expect(failure(request) == .wrongSessionToken)
    }

    @Test func acceptsOnlySpellingsThatMeanTheSame() throws {
        var request = try signed()
        request.headers[0].name = "hOST"
        request.headers[1].value = "  text/plain;   a=b "
        request.query = "y=%74wo&x=1"
        _ = try verify(request)
    }
}
