import CurlHTTP
import FoundationEssentials
import JSONWebTokens

/// The provider that people sign in with: what it says of itself and its keys, kept for a while.
package actor OIDCProvider {
    package nonisolated let settings: OIDCSettings
    package nonisolated let http: any HTTPTransport
    private var metadata: Kept<OIDCMetadata>?
    private var keys: Kept<JSONWebKeySet>?
    /// When a token was not signed with a known key, last.
    private var lookedForKeys: ContinuousClock.Instant?

    /// How long what the provider says of itself, and its keys, are believed.
    package static let lifetime: Duration = .seconds(3_600)
    /// When the provider does not answer, what is known is good for this much longer.
    package static let patience: Duration = .seconds(86_400)
    /// Keys are asked for anew at most this often because of a token that none of the known ones signed.
    static let keySearchInterval: Duration = .seconds(30)
    /// For each answer.
    package static let timeout: Duration = .seconds(10)
    static let maximumAnswerBytes = 256 << 10

    package init(_ settings: OIDCSettings, http: any HTTPTransport) {
        self.settings = settings
        self.http = http
    }

    private struct Kept<Value: Sendable>: Sendable {
        var value: Value
        var since = ContinuousClock.now
        var age: Duration { .now - since }
    }

    /// - Throws: `identity_provider_unavailable` or `identity_provider_invalid` (502).
    package func about() async throws -> OIDCMetadata {
        if let metadata, metadata.age < Self.lifetime { return metadata.value }
        do {
            let body = try await get(settings.discoveryURL)
            let fresh = try OIDCMetadata(body, issuer: settings.issuer)
            metadata = Kept(value: fresh)
            return fresh
        } catch {
            guard let metadata, metadata.age < Self.lifetime + Self.patience else { throw error }
            return metadata.value
        }
    }

    /// - Returns: the token's content, once its signature is the provider's.
    /// - Throws: `sign_in_refused` (403); `identity_provider_unavailable` (502).
    package func verified(_ text: String) async throws -> IDToken {
        let token: SignedToken
        do {
            token = try SignedToken(text, allowing: IDTokenCheck.algorithms)
        } catch {
            throw OIDCFailure.refused(error)
        }
        if let content = try await currentKeys().content(of: token) { return try IDToken(content) }
        // A provider changes its keys when it likes, and not every token names its key.
        if mayLookForKeys, let content = try await fetchKeys().content(of: token) {
            return try IDToken(content)
        }
        throw OIDCFailure.refused("The identity provider's token is not signed with its key.")
    }

    private var mayLookForKeys: Bool {
        if let lookedForKeys, .now - lookedForKeys < Self.keySearchInterval { return false }
        lookedForKeys = .now
        return true
    }

    private func currentKeys() async throws -> JSONWebKeySet {
        if let keys, keys.age < Self.lifetime { return keys.value }
        do {
            return try await fetchKeys()
        } catch {
            guard let keys, keys.age < Self.lifetime + Self.patience else { throw error }
            return keys.value
        }
    }

    private func fetchKeys() async throws -> JSONWebKeySet {
        guard let fresh = try? JSONWebKeySet(try await get(about().keysURL)) else {
            throw OIDCFailure.invalid("Its key set cannot be read.")
        }
        keys = Kept(value: fresh)
        return fresh
    }

    private func get(_ url: String) async throws -> [UInt8] {
        let response = try await send(
            HTTPRequest("GET", url, headers: [HTTPField("Accept", "application/json")]))
        guard response.status == 200 else {
            throw OIDCFailure.invalid("It answered \(response.status) where its description should be.")
        }
        return response.body
    }

    package nonisolated func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        var request = request
        request.timeout = Self.timeout
        request.maximumResponseBytes = Self.maximumAnswerBytes
        do {
            return try await http.send(request)
        } catch HTTPError.cancelled {
            throw CancellationError()
        } catch {
            throw OIDCFailure.unavailable(error)
        }
    }
}
