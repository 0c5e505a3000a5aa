#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The tokens of a private image registry. The registry itself is any that takes the user `AWS` with the
/// password of these settings. Source: Amazon ECR API reference, GetAuthorizationToken.
struct ECRService: JSONService {
    static let targetPrefix = "AmazonEC2ContainerRegistry_V20150921"
    static let user = "AWS"

    private let settings: Settings.RegistrySettings
    private let url: String

    init(_ settings: Settings) {
        self.settings = settings.registry
        url =
            settings.registry.url
            ?? "https://\(settings.accountID).dkr.ecr.\(settings.region).amazonaws.com"
    }

    func perform(_ operation: String, _ input: JSONValue) async throws -> JSONValue {
        guard operation == "GetAuthorizationToken" else { throw AWSError("UnknownOperationException", "") }
        let token = Data("\(Self.user):\(settings.password)".utf8).base64EncodedString()
        let expiry = Date().addingTimeInterval(Double(settings.tokenSeconds))
        return [
            "authorizationData": [
                [
                    "authorizationToken": .string(token),
                    "expiresAt": .number(expiry.timeIntervalSince1970),
                    "proxyEndpoint": .string(url),
                ]
            ]
        ]
    }
}
