import FoundationEssentials

/// Tokens for the image registry of the account. Source: Amazon ECR API Reference, GetAuthorizationToken.
package struct ECRClient: Sendable {
    private let connection: AWSConnection

    package init(_ connection: AWSConnection) { self.connection = connection }

    private struct Input: Encodable {}

    private struct Output: Decodable {
        struct Authorization: Decodable {
            /// Base64 of `user:password`.
            var authorizationToken: String
            /// Seconds since 1970.
            var expiresAt: Double
        }
        var authorizationData: [Authorization]
    }

    /// Valid for 12 hours, for every repository that the platform's principal may read.
    func authorizationToken() async throws -> RegistryUser {
        let operation = "GetAuthorizationToken"
        let output = try await connection.json(
            "ecr", target: "AmazonEC2ContainerRegistry_V20150921", operation, Input(), as: Output.self)
        guard let authorization = output.authorizationData.first,
            let data = Data(base64Encoded: authorization.authorizationToken),
            let text = String(data: data, encoding: .utf8), let colon = text.firstIndex(of: ":")
        else {
            throw ProviderError(
                service: "ecr", operation: operation, status: 200, code: ProviderError.malformedCode,
                message: "The answer holds no token.", mayHaveTakenEffect: false)
        }
        return RegistryUser(
            username: String(text[..<colon]), password: String(text[text.index(after: colon)...]),
            expiresAt: Date(timeIntervalSince1970: authorization.expiresAt))
    }
}
