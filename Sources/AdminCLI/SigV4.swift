import AWSSigV4
import ArgumentParser
import Foundation

struct SigV4: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sigv4", abstract: "Explain AWS Signature Version 4.",
        subcommands: [ExplainSignature.self])
}

struct ExplainSignature: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show how a request is signed, to find the cause of a SignatureDoesNotMatch.",
        discussion: """
            Reads one raw HTTP/1.1 request on standard input, headers unchanged (duplicates, folded \
            lines, UTF-8), and prints JSON: canonical_request, string_to_sign, signature, authorization or \
            signed_url. The keys may come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
            AWS_SESSION_TOKEN instead, which other users of the machine do not see.
            """)

    @Option(parsing: .unconditional, help: "Access key id.")
    var accessKey: String?
    @Option(parsing: .unconditional, help: "Secret access key.")
    var secretKey: String?
    @Option(parsing: .unconditional, help: "Session token of temporary credentials.")
    var sessionToken: String?
    @Flag(help: "Add the session token after signing.")
    var omitSessionToken = false
    @Option(help: "Region of the scope, for example us-east-1.")
    var region: String
    @Option(help: "Service of the scope, for example ec2. s3 has rules of its own.")
    var service: String
    @Option(help: "20150830T123600Z or 2015-08-30T12:36:00Z; now by default.")
    var date: String?
    @Flag(help: "Leave the path as it is: dot segments, doubled slashes.")
    var noNormalize = false
    @Flag(help: "Add x-amz-content-sha256 and cover it.")
    var signBody = false
    @Flag(help: "Do not cover the body (S3 only).")
    var unsignedPayload = false
    @Option(help: "Sign in the query instead, for this many seconds.")
    var presign: Int?

    func run() async throws {
        let input = FileHandle.standardInput.readDataToEndOfFile()
        let explanation = try explain(Array(input), environment: ProcessInfo.processInfo.environment)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        say(String(decoding: try encoder.encode(explanation), as: UTF8.self))
    }

    func explain(_ input: [UInt8], environment: [String: String]) throws -> SignatureExplanation {
        let request = try RawRequest(input).request
        let signer = Signer(
            credentials: try credentials(environment), region: region, service: service, options: options)
        do {
            guard let seconds = presign else {
                return SignatureExplanation(try signer.sign(request, at: signingDate()), signedURL: nil)
            }
            let presigned = try signer.presign(request, at: signingDate(), expiresIn: seconds)
            let host = (request.header("host") ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
            let url = "https://\(host)\(legal(request.path))?\(presigned.query)"
            return SignatureExplanation(presigned.signature, signedURL: url)
        } catch SigningError.missingHost {
            throw Failure("The request has no Host header, and a signature must cover it.")
        } catch SigningError.expiryOutOfRange {
            throw Failure("--presign takes 1 to 604800 seconds.")
        }
    }

    private var options: SigningOptions {
        var options = SigningOptions.of(service: service)
        if noNormalize { options.normalizesPath = false }
        if signBody { options.addsContentHash = true }
        if unsignedPayload { options.payload = .unsigned }
        options.omitsSessionToken = omitSessionToken
        return options
    }

    /// The environment's token belongs to the environment's key: it never joins a key given as an option.
    private func credentials(_ environment: [String: String]) throws -> Credentials {
        guard let key = accessKey ?? environment["AWS_ACCESS_KEY_ID"],
            let secret = secretKey ?? environment["AWS_SECRET_ACCESS_KEY"]
        else {
            throw Failure(
                "Give --access-key and --secret-key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        }
        let token = sessionToken ?? (accessKey == nil ? environment["AWS_SESSION_TOKEN"] : nil)
        return Credentials(
            accessKeyID: key, secretAccessKey: secret, sessionToken: token.flatMap { $0.isEmpty ? nil : $0 })
    }

    private func signingDate() throws -> SigningDate {
        guard let date else { return SigningDate(unixSeconds: Int(Date().timeIntervalSince1970)) }
        guard let parsed = SigningDate(date) else {
            throw Failure("--date is neither 20150830T123600Z nor 2015-08-30T12:36:00Z: \(date)")
        }
        return parsed
    }
}

/// A path as it may stand in a URL: what is not legal there is percent-encoded, the rest stays.
private func legal(_ path: String) -> String {
    var out = ""
    for byte in path.utf8 {
        if byte > 0x20, byte < 0x7F, !"\"<>\\^`{|}#?".utf8.contains(byte) {
            out.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
    return out
}

struct SignatureExplanation: Encodable {
    var canonicalRequest: String
    var stringToSign: String
    var signature: String
    var signedHeaders: String
    var authorization: String?
    var signedURL: String?

    init(_ signature: Signature, signedURL: String?) {
        canonicalRequest = String(decoding: signature.canonicalRequest, as: UTF8.self)
        stringToSign = String(decoding: signature.stringToSign, as: UTF8.self)
        self.signature = signature.signature
        signedHeaders = signature.signedHeaders
        authorization = signedURL == nil ? signature.authorization : nil
        self.signedURL = signedURL
    }

    enum CodingKeys: String, CodingKey {
        case canonicalRequest = "canonical_request"
        case stringToSign = "string_to_sign"
        case signature, authorization
        case signedHeaders = "signed_headers"
        case signedURL = "signed_url"
    }
}
