import AdminProtocol
import FoundationEssentials

/// Who pulls images.
package struct RegistryUser: Sendable, Equatable {
    package var username: String
    package var password: String
    /// nil when the password does not expire.
    package var expiresAt: Date?

    package init(username: String, password: String, expiresAt: Date? = nil) {
        self.username = username
        self.password = password
        self.expiresAt = expiresAt
    }

    /// Source: RFC 7617.
    package var basic: String { "Basic " + Data("\(username):\(password)".utf8).base64EncodedString() }
}

/// As whom the platform and its tenants pull images: nobody, one user, or the user of a token from ECR, which
/// is kept until it is about to expire.
package actor RegistryLogin {
    /// A token with less left than this is not given out any more, in seconds.
    static let reserveSeconds = 600.0

    private let auth: RegistryAuth
    private let ecr: ECRClient
    private var token: RegistryUser?
    private var isFetching = false
    /// Those who wait for the fetch under way; they get its error where it concerns them as well.
    private var waiting: [CheckedContinuation<AppError?, Never>] = []

    package init(_ auth: RegistryAuth, ecr: ECRClient) {
        self.auth = auth
        self.ecr = ecr
    }

    /// - Returns: nil when the registry asks for nothing.
    /// - Throws: `registry_unavailable` (502), and whatever the governor has to say.
    package func user() async throws -> RegistryUser? {
        switch auth {
        case .none: return nil
        case .basic(let user): return user
        case .ecr: return try await currentToken()
        }
    }

    /// The registry refused it: it is not given out again.
    package func refused(_ user: RegistryUser) {
        if token == user { token = nil }
    }

    private func currentToken() async throws -> RegistryUser {
        while true {
            if let token, let expiresAt = token.expiresAt,
                expiresAt.timeIntervalSinceNow > Self.reserveSeconds
            {
                return token
            }
            guard isFetching else { return try await fetch() }
            if let error = await withCheckedContinuation({ waiting.append($0) }) { throw error }
        }
    }

    /// In the task of the first who asks: the gate counts the call to the step that makes it.
    private func fetch() async throws -> RegistryUser {
        isFetching = true
        var failure: AppError?
        defer {
            isFetching = false
            for continuation in waiting { continuation.resume(returning: failure) }
            waiting = []
        }
        do {
            let fresh = try await ecr.authorizationToken()
            token = fresh
            return fresh
        } catch let error as ProviderError {
            let refusal = AppError(
                .upstream, "registry_unavailable", "Amazon ECR gave no token (\(error.code)). Ask again.",
                cause: error)
            failure = refusal
            throw refusal
        }
    }
}
