/// Why a signed request is refused.
package enum VerificationError: Error, Sendable, Equatable {
    /// Neither an Authorization header nor a signature in the query.
    case missingAuthentication
    /// What is missing or malformed in it.
    case malformed(String)
    case unknownAccessKey(String)
    /// The session token is missing, not expected, or another.
    case wrongSessionToken
    /// Seconds that the request's date is off, in either direction.
    case skewed(seconds: Int)
    /// A presigned URL past its time.
    case expired
    /// The credential's scope is not this service's and region's, or not of the request's day.
    case wrongScope(String)
    /// A header that a signature must cover.
    case unsignedHeader(String)
    /// `x-amz-content-sha256` is not the body's.
    case wrongBodyHash
    /// Anything that was signed was changed, or the secret is another. Holds what was expected, as AWS does.
    case signatureMismatch(canonicalRequest: String, stringToSign: String)

    /// How a service words its refusals.
    package enum Dialect: Sendable { case ec2, json, s3 }

    /// AWS's own error code and HTTP status.
    /// Source: EC2 API reference "Error codes", SSM and KMS "Common errors", S3 "Error responses".
    package func code(_ dialect: Dialect) -> (status: Int, code: String) {
        switch dialect {
        case .ec2: ec2
        case .json: json
        case .s3: s3
        }
    }

    private var ec2: (Int, String) {
        switch self {
        case .missingAuthentication: (403, "MissingAuthenticationToken")
        case .malformed: (400, "IncompleteSignature")
        case .skewed, .expired: (400, "RequestExpired")
        case .unknownAccessKey, .wrongSessionToken, .wrongScope, .unsignedHeader, .wrongBodyHash,
            .signatureMismatch:
            (401, "AuthFailure")
        }
    }

    private var json: (Int, String) {
        switch self {
        case .missingAuthentication: (400, "MissingAuthenticationTokenException")
        case .malformed: (400, "IncompleteSignatureException")
        case .unknownAccessKey, .wrongSessionToken: (400, "UnrecognizedClientException")
        case .skewed, .expired, .wrongScope, .unsignedHeader, .wrongBodyHash, .signatureMismatch:
            (400, "InvalidSignatureException")
        }
    }

    private var s3: (Int, String) {
        switch self {
        case .missingAuthentication, .unsignedHeader, .expired: (403, "AccessDenied")
        case .malformed: (400, "AuthorizationHeaderMalformed")
        case .unknownAccessKey: (403, "InvalidAccessKeyId")
        case .wrongSessionToken: (400, "InvalidToken")
        case .skewed: (403, "RequestTimeTooSkewed")
        case .wrongScope: (400, "AuthorizationHeaderMalformed")
        case .wrongBodyHash: (400, "XAmzContentSHA256Mismatch")
        case .signatureMismatch: (403, "SignatureDoesNotMatch")
        }
    }
}

extension VerificationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingAuthentication: "The request carries no signature."
        case .malformed(let what): "The signature is incomplete: \(what)."
        case .unknownAccessKey(let id): "The access key \(id) does not exist."
        case .wrongSessionToken: "The security token included in the request is invalid."
        case .skewed(let seconds): "The request's date is \(seconds) seconds off."
        case .expired: "The request has expired."
        case .wrongScope(let scope): "Credential should be scoped to \(scope)."
        case .unsignedHeader(let name): "The header \(name) is present but not signed."
        case .wrongBodyHash: "x-amz-content-sha256 does not match what was computed."
        case .signatureMismatch(let canonical, let stringToSign):
            "The request signature we calculated does not match the signature you provided.\n\n"
                + "The Canonical String for this request should have been\n'\(canonical)'\n\n"
                + "The String-to-Sign should have been\n'\(stringToSign)'"
        }
    }
}
