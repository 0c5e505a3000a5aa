/// What a signature covers of an HTTP request.
package struct SigningRequest: Sendable {
    package var method: String
    /// As it stands in the request line, without the query: normally percent-encoded already.
    package var path: String
    /// As it stands in the request line, without the question mark.
    package var query: String
    /// In the order of the wire, duplicates included; a folded line is part of its value. Host must be here.
    package var headers: [SigningHeader]
    package var body: [UInt8]

    package init(
        method: String, path: String = "/", query: String = "", headers: [SigningHeader], body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// The first header of this name, in any case.
    package func header(_ name: String) -> String? {
        headers.first { isSameHeader($0.name, name) }?.value
    }
}

package struct SigningHeader: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

package struct Credentials: Sendable, Equatable {
    package var accessKeyID: String
    package var secretAccessKey: String
    /// Of temporary credentials.
    package var sessionToken: String?

    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "Credentials(\(accessKeyID), secret not shown)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}

/// Where the rules differ between services.
package struct SigningOptions: Sendable, Equatable {
    package enum Payload: Sendable, Equatable {
        /// SHA-256 of the body, unless the request has an `x-amz-content-sha256` of its own.
        case hashed
        /// `UNSIGNED-PAYLOAD`: the body is not covered. S3 only.
        case unsigned
    }

    /// Removes dot segments and empty segments from the path. All services but S3.
    package var normalizesPath = true
    /// Encodes the path once more than the request line does. All services but S3.
    package var encodesPath = true
    package var payload = Payload.hashed
    /// Adds `x-amz-content-sha256` to the request and covers it. S3 demands it.
    package var addsContentHash = false
    /// Adds the session token after signing, so that the signature does not cover it.
    package var omitsSessionToken = false

    package init() {}

    /// The rules of a service, by its name in the scope.
    package static func of(service: String) -> SigningOptions {
        var options = SigningOptions()
        if service == "s3" {
            options.normalizesPath = false
            options.encodesPath = false
            options.addsContentHash = true
        }
        return options
    }
}

package enum SigningError: Error, Sendable, Equatable {
    /// Without a Host header a signature could be replayed against another server.
    case missingHost
    /// A presigned URL lives 1 to 604,800 seconds.
    case expiryOutOfRange(Int)
}

func isSameHeader(_ a: String, _ b: String) -> Bool {
    a.utf8.elementsEqual(b.utf8) { lowercased($0) == lowercased($1) }
}

@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}
