import Digests
import WireText

/// Checks signatures as a service of AWS does: date, scope, signed headers, body, and every byte of the rest.
package struct Verifier: Sendable {
    /// How far a request's date may be off, in either direction.
    package static let maximumSkewSeconds = 300

    private let keys: SigningKeyCache

    package init(keys: SigningKeyCache = .shared) { self.keys = keys }

    /// Whose request it is, and what it was signed for.
    package struct Identity: Sendable, Equatable {
        package let accessKeyID: String
        package let region: String
        package let service: String
        package let date: SigningDate
        package let isPresigned: Bool
    }

    /// The service that the request claims in its scope, unchecked: what an endpoint of several services
    /// needs in order to choose its rules and its wording of errors.
    package static func claimedService(of request: SigningRequest) -> String? {
        (try? PresentedSignature(request))?.service
    }

    /// - Parameters:
    ///   - regions: those that this endpoint serves.
    ///   - services: their names in a scope, `ec2` say.
    ///   - now: the verifier's own time.
    ///   - credentials: by access key id; nil for one that does not exist.
    package func verify(
        _ request: SigningRequest, regions: Set<String>, services: Set<String>, now: SigningDate,
        credentials: (String) -> Credentials?
    ) throws(VerificationError) -> Identity {
        let presented = try PresentedSignature(request)
        guard let owner = credentials(presented.accessKeyID) else {
            throw .unknownAccessKey(presented.accessKeyID)
        }
        guard presented.day == presented.date.day, regions.contains(presented.region),
            services.contains(presented.service)
        else {
            throw .wrongScope("\(presented.date.day)/\(names(regions))/\(names(services))/aws4_request")
        }
        try checkDate(presented, now)
        guard presented.token == owner.sessionToken else { throw .wrongSessionToken }
        try checkSignedHeaders(request, presented)
        let payload = try payload(of: request, presented)
        try checkSignature(request, presented, payload, owner.secretAccessKey)
        return Identity(
            accessKeyID: presented.accessKeyID, region: presented.region, service: presented.service,
            date: presented.date, isPresigned: presented.expires != nil)
    }

    private func names(_ set: Set<String>) -> String { set.sorted().joined(separator: " or ") }

    /// A presigned URL may be used from the moment of its signing until it expires.
    private func checkDate(_ presented: PresentedSignature, _ now: SigningDate) throws(VerificationError) {
        let age = now.unixSeconds - presented.date.unixSeconds
        if let expires = presented.expires {
            guard age <= expires else { throw .expired }
            guard age >= -Self.maximumSkewSeconds else { throw .skewed(seconds: -age) }
        } else if abs(age) > Self.maximumSkewSeconds {
            throw .skewed(seconds: abs(age))
        }
    }

    /// Host always, and whatever else is there that changes a request's meaning. The date is covered by the
    /// string to sign; a token may be added after signing, and is compared with the owner's.
    private func checkSignedHeaders(
        _ request: SigningRequest, _ presented: PresentedSignature
    ) throws(VerificationError) {
        guard presented.signedHeaders.contains("host") else { throw .unsignedHeader("host") }
        for header in request.headers {
            let name = String(decoding: header.name.utf8.map(lowercased), as: UTF8.self)
            let mustBeSigned =
                name == "content-type"
                || name.hasPrefix("x-amz-") && name != "x-amz-date" && name != "x-amz-security-token"
            if mustBeSigned, !presented.signedHeaders.contains(name[...]) { throw .unsignedHeader(name) }
        }
    }

    private func payload(
        of request: SigningRequest, _ presented: PresentedSignature
    ) throws(VerificationError) -> [UInt8] {
        let isS3 = presented.service == "s3"
        guard let claimed = request.header("x-amz-content-sha256") else {
            return isS3 && presented.expires != nil
                ? unsignedPayload : SHA256Digest(of: request.body).bytes.hexDigits
        }
        if isS3, claimed.utf8.elementsEqual(unsignedPayload) { return unsignedPayload }
        let actual = SHA256Digest(of: request.body).bytes.hexDigits
        guard claimed.utf8.elementsEqual(actual) else { throw .wrongBodyHash }
        return actual
    }

    private func checkSignature(
        _ request: SigningRequest, _ presented: PresentedSignature, _ payload: [UInt8], _ secret: String
    ) throws(VerificationError) {
        guard let headers = CanonicalHeaders(request.headers, named: presented.signedHeaders) else {
            throw .malformed("a signed header is missing")
        }
        let key = keys.key(secret, presented.day, presented.region, presented.service)
        let scope = "\(presented.day)/\(presented.region)/\(presented.service)/aws4_request"
        var expectation: (canonical: [UInt8], stringToSign: [UInt8])?
        for query in queries(presented) {
            let options = SigningOptions.of(service: presented.service)
            let (canonical, _) = canonicalRequest(request, query: query, headers, payload, options)
            let stringToSign = makeStringToSign(presented.date, scope, canonical)
            if key.authenticate(stringToSign).hex.equalsInConstantTime(presented.signature) { return }
            expectation = expectation ?? (canonical, stringToSign)
        }
        throw .signatureMismatch(
            canonicalRequest: String(decoding: expectation?.canonical ?? [], as: UTF8.self),
            stringToSign: String(decoding: expectation?.stringToSign ?? [], as: UTF8.self))
    }

    /// The query as signed: with the token, or without it when it was appended after signing.
    private func queries(_ presented: PresentedSignature) -> [[QueryParameter]] {
        guard let index = presented.tokenIndex else { return [presented.query] }
        var without = presented.query
        without.remove(at: index)
        return [presented.query, without]
    }
}
