/// The signature that a request presents, in its header or in its query.
struct PresentedSignature {
    var accessKeyID: String
    var day: Substring
    var region: String
    var service: String
    var signedHeaders: [Substring]
    var signature: String
    var date: SigningDate
    /// Seconds, of a presigned URL.
    var expires: Int?
    var token: String?
    /// The query without the signature.
    var query: [QueryParameter]
    /// Where the token stands in `query`; a client may have appended it after signing.
    var tokenIndex: Int?

    init(_ request: SigningRequest) throws(VerificationError) {
        let query = QueryParameter.parse(request.query)
        let authorizations = request.headers.filter { isSameHeader($0.name, "authorization") }
        let isPresigned = query.contains { $0.name.elementsEqual("X-Amz-Signature".utf8) }
        switch (authorizations.count, isPresigned) {
        case (0, false): throw .missingAuthentication
        case (1, false): try self.init(header: authorizations[0].value, request, query)
        case (0, true): try self.init(query, request)
        default: throw .malformed("more than one signature")
        }
    }

    private init(
        header: String, _ request: SigningRequest, _ query: [QueryParameter]
    ) throws(VerificationError) {
        guard header.hasPrefix(algorithm + " ") else { throw .malformed("the algorithm is not \(algorithm)") }
        var parts: [Substring: Substring] = [:]
        for part in header.dropFirst(algorithm.count + 1).split(
            separator: ",", omittingEmptySubsequences: false)
        {
            let pair = part.drop { $0 == " " }.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, parts.updateValue(pair[1], forKey: pair[0]) == nil else {
                throw .malformed("the Authorization header")
            }
        }
        guard parts.count == 3 else { throw .malformed("the Authorization header's parts") }
        guard let date = SigningDate(try single("x-amz-date", of: request) ?? "") else {
            throw .malformed("X-Amz-Date")
        }
        try self.init(
            credential: parts["Credential"], signedHeaders: parts["SignedHeaders"],
            signature: parts["Signature"], date: date, query: query)
        token = try single("x-amz-security-token", of: request)
    }

    private init(_ query: [QueryParameter], _ request: SigningRequest) throws(VerificationError) {
        func value(_ name: String) throws(VerificationError) -> Substring? {
            let found = query.filter { $0.name.elementsEqual(name.utf8) }
            guard found.count < 2 else { throw .malformed("\(name) is there twice") }
            return found.first.map {
                let encoded = Substring(decoding: $0.value, as: UTF8.self)
                return Substring(decoding: percentDecoded(encoded.utf8), as: UTF8.self)
            }
        }
        guard try value("X-Amz-Algorithm") == algorithm[...] else { throw .malformed("X-Amz-Algorithm") }
        guard let date = SigningDate(String(try value("X-Amz-Date") ?? "")) else {
            throw .malformed("X-Amz-Date")
        }
        guard let text = try value("X-Amz-Expires"), let seconds = Int(text), (1...604_800).contains(seconds),
            String(seconds) == text
        else { throw .malformed("X-Amz-Expires") }
        try self.init(
            credential: try value("X-Amz-Credential"), signedHeaders: try value("X-Amz-SignedHeaders"),
            signature: try value("X-Amz-Signature"), date: date,
            query: query.filter { !$0.name.elementsEqual("X-Amz-Signature".utf8) })
        expires = seconds
        token = try value("X-Amz-Security-Token").map(String.init)
        tokenIndex = self.query.firstIndex { $0.name.elementsEqual("X-Amz-Security-Token".utf8) }
    }

    private init(
        credential: Substring?, signedHeaders: Substring?, signature: Substring?, date: SigningDate,
        query: [QueryParameter]
    ) throws(VerificationError) {
        guard let credential, let signedHeaders, let signature else {
            throw .malformed("Credential, SignedHeaders or Signature is missing")
        }
        let parts = credential.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[4] == "aws4_request", parts.allSatisfy({ !$0.isEmpty }) else {
            throw .malformed("Credential")
        }
        let names = signedHeaders.split(separator: ";", omittingEmptySubsequences: false)
        guard zip(names, names.dropFirst()).allSatisfy({ Array($0.utf8).lexicographicallyPrecedes($1.utf8) }),
            names.allSatisfy({ name in !name.isEmpty && name.utf8.allSatisfy { lowercased($0) == $0 } })
        else { throw .malformed("SignedHeaders") }
        accessKeyID = String(parts[0])
        day = parts[1]
        region = String(parts[2])
        service = String(parts[3])
        self.signedHeaders = names
        self.signature = String(signature)
        self.date = date
        self.query = query
    }
}

/// The only header of this name; nil for none.
private func single(_ name: String, of request: SigningRequest) throws(VerificationError) -> String? {
    let found = request.headers.filter { isSameHeader($0.name, name) }
    guard found.count < 2 else { throw .malformed("\(name) is there twice") }
    return found.first?.value
}
