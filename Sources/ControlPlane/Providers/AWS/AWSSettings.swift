/// Where AWS is called, and as whom.
package struct AWSSettings: Sendable {
    package var region: String
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String?
    /// One endpoint for every service; nil: each service's own.
    package var endpointURL: String?

    package init(
        region: String, accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil,
        endpointURL: String? = nil
    ) {
        self.region = region
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.endpointURL = endpointURL
    }
}
