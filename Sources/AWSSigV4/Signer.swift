import Digests
import WireText

/// Signs requests of one service in one region with AWS Signature Version 4. Pure: no clock, no I/O.
/// Source: "Create a signed AWS API request", AWS IAM user guide.
package struct Signer: Sendable {
    let credentials: Credentials
    let region: String
    let service: String
    let options: SigningOptions
    private let keys: SigningKeyCache

    package init(
        credentials: Credentials, region: String, service: String, options: SigningOptions? = nil,
        keys: SigningKeyCache = .shared
    ) {
        self.credentials = credentials
        self.region = region
        self.service = service
        self.options = options ?? .of(service: service)
        self.keys = keys
    }

    /// - Returns: the headers to add to the request. Those of the same names in it are to be replaced.
    package func sign(_ request: SigningRequest, at date: SigningDate) throws(SigningError) -> Signature {
        let payload = payloadHash(of: request, unsignedByDefault: false)
        var added = [SigningHeader("X-Amz-Date", date.timestamp)]
        if sendsContentHash {
            added.append(SigningHeader("X-Amz-Content-Sha256", String(decoding: payload, as: UTF8.self)))
        }
        let token = credentials.sessionToken.map { SigningHeader("X-Amz-Security-Token", $0) }
        if let token, !options.omitsSessionToken { added.append(token) }
        var headers = CanonicalHeaders(request.headers, except: isReplaced)
        for header in added { headers.add(header.name, header.value) }
        guard headers.hasHost else { throw .missingHost }
        var signature = complete(request, query: QueryParameter.parse(request.query), headers, payload, date)
        if let token, options.omitsSessionToken { added.append(token) }
        added.append(SigningHeader("Authorization", signature.authorization))
        signature.headers = added
        return signature
    }

    func isReplaced(_ name: String) -> Bool {
        switch name.utf8.count {
        case 10: isSameHeader(name, "x-amz-date")
        case 20:
            credentials.sessionToken != nil && isSameHeader(name, "x-amz-security-token")
                || sendsContentHash && isSameHeader(name, "x-amz-content-sha256")
        default: false
        }
    }

    /// A server can only know of an unsigned payload by the header.
    var sendsContentHash: Bool { options.addsContentHash || options.payload == .unsigned }

    func payloadHash(of request: SigningRequest, unsignedByDefault: Bool) -> [UInt8] {
        if options.payload == .unsigned { return unsignedPayload }
        if let given = request.header("x-amz-content-sha256") { return Array(given.utf8) }
        return unsignedByDefault ? unsignedPayload : SHA256Digest(of: request.body).bytes.hexDigits
    }

    func complete(
        _ request: SigningRequest, query: [QueryParameter], _ headers: CanonicalHeaders, _ payload: [UInt8],
        _ date: SigningDate
    ) -> Signature {
        let (canonical, names) = canonicalRequest(request, query: query, headers, payload, options)
        let scope = "\(date.day)/\(region)/\(service)/aws4_request"
        let stringToSign = makeStringToSign(date, scope, canonical)
        let key = keys.key(credentials.secretAccessKey, date.day, region, service)
        return Signature(
            canonicalRequest: canonical, stringToSign: stringToSign,
            signature: key.authenticate(stringToSign).hex,
            credential: "\(credentials.accessKeyID)/\(scope)",
            signedHeaders: String(decoding: canonical[names], as: UTF8.self))
    }
}

/// A signature, with what it was made from.
package struct Signature: Sendable {
    package let canonicalRequest: [UInt8]
    package let stringToSign: [UInt8]
    /// 64 hexadecimal digits in lower case.
    package let signature: String
    let credential: String
    package let signedHeaders: String
    /// To be set on the request, in this order.
    package fileprivate(set) var headers: [SigningHeader] = []

    /// The value of the Authorization header.
    package var authorization: String {
        "\(algorithm) Credential=\(credential), SignedHeaders=\(signedHeaders), Signature=\(signature)"
    }
}

let algorithm = "AWS4-HMAC-SHA256"
let unsignedPayload = Array("UNSIGNED-PAYLOAD".utf8)

/// - Returns: the canonical request, and where in it the names of the signed headers stand.
func canonicalRequest(
    _ request: SigningRequest, query: [QueryParameter], _ headers: CanonicalHeaders, _ payload: [UInt8],
    _ options: SigningOptions
) -> (bytes: [UInt8], names: Range<Int>) {
    let lineFeed = UInt8(ascii: "\n")
    var out: [UInt8] = []
    out.reserveCapacity(1_024)
    out += request.method.utf8
    out.append(lineFeed)
    appendCanonicalPath(request.path, options, to: &out)
    out.append(lineFeed)
    QueryParameter.appendSorted(query, to: &out)
    out.append(lineFeed)
    headers.appendLines(to: &out)
    out.append(lineFeed)
    let start = out.count
    headers.appendNames(to: &out)
    let names = start..<out.count
    out.append(lineFeed)
    out += payload
    return (out, names)
}

func makeStringToSign(_ date: SigningDate, _ scope: String, _ canonical: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(192)
    for part in [algorithm, date.timestamp, scope] {
        out += part.utf8
        out.append(UInt8(ascii: "\n"))
    }
    out += SHA256Digest(of: canonical).bytes.hexDigits
    return out
}
