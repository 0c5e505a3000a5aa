extension Signer {
    /// A signature in the query: whoever has the URL may send this one request until it expires.
    ///
    /// Every header of the request is covered, so it must be sent with it. S3 does not cover the body. Nor
    /// does another service's where `addsContentHash` is asked for: as in AWS's own test suite, that adds no
    /// header to a presigned request, and the signature is that of one without a body.
    /// - Parameter expiresIn: seconds, 1 to 604,800 (a week).
    package func presign(
        _ request: SigningRequest, at date: SigningDate, expiresIn seconds: Int
    ) throws(SigningError) -> Presignature {
        guard (1...604_800).contains(seconds) else { throw .expiryOutOfRange(seconds) }
        let isS3 = service == "s3"
        let signsNoBody = options.addsContentHash && options.payload == .hashed && !isS3
        var signed = request
        if signsNoBody { signed.body = [] }
        let payload = payloadHash(of: signed, unsignedByDefault: isS3)
        var headers = CanonicalHeaders(request.headers) { name in
            isReplaced(name) && !(signsNoBody && isSameHeader(name, "x-amz-content-sha256"))
        }
        // For S3 the header is not needed: a presigned URL is used without any.
        if options.payload == .unsigned, !isS3 {
            headers.add("x-amz-content-sha256", String(decoding: payload, as: UTF8.self))
        }
        guard headers.hasHost else { throw .missingHost }
        var names: [UInt8] = []
        headers.appendNames(to: &names)
        let scope = "\(credentials.accessKeyID)/\(date.day)/\(region)/\(service)/aws4_request"
        var added = [
            ("X-Amz-Algorithm", algorithm), ("X-Amz-Credential", scope), ("X-Amz-Date", date.timestamp),
            ("X-Amz-Expires", String(seconds)),
            ("X-Amz-SignedHeaders", String(decoding: names, as: UTF8.self)),
        ]
        let token = credentials.sessionToken.map { ("X-Amz-Security-Token", $0) }
        if let token, !options.omitsSessionToken { added.append(token) }
        let given = QueryParameter.parse(request.query).filter { !isAuthentication($0) }
        let query = given + added.map { QueryParameter(encoding: $0.0.utf8, $0.1.utf8) }
        let signature = complete(request, query: query, headers, payload, date)
        added.append(("X-Amz-Signature", signature.signature))
        if let token, options.omitsSessionToken { added.append(token) }
        return Presignature(signature: signature, query: spelled(given, added))
    }
}

/// A presigned request: the same one, with this query.
package struct Presignature: Sendable {
    package let signature: Signature
    /// Without the question mark.
    package let query: String
}

/// Parameters of an earlier signature, which a new one replaces.
private func isAuthentication(_ parameter: QueryParameter) -> Bool {
    let names = [
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
        "X-Amz-Signature", "X-Amz-Security-Token",
    ]
    return names.contains { parameter.name.elementsEqual($0.utf8) }
}

private func spelled(_ given: [QueryParameter], _ added: [(String, String)]) -> String {
    var out: [UInt8] = []
    for parameter in given + added.map({ QueryParameter(encoding: $0.0.utf8, $0.1.utf8) }) {
        if !out.isEmpty { out.append(UInt8(ascii: "&")) }
        out += parameter.name
        out.append(UInt8(ascii: "="))
        out += parameter.value
    }
    return String(decoding: out, as: UTF8.self)
}
