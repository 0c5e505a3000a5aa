import Workflows

extension WorkflowContext {
    /// How often a provider is asked again while it is away or throttles: for about half an hour.
    static let providerRetry = RetryPolicy(
        attempts: 60, base: .milliseconds(500), cap: .seconds(60), deadline: .seconds(1_800))

    /// A step that asks a provider. What asking again cannot mend ends the workflow at once, with the
    /// provider's reason.
    func call<Output: Codable & Sendable>(
        _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Output
    ) async throws -> Output {
        try await step(name, retry: Self.providerRetry) { key in
            do {
                return try await body(key)
            } catch let error as ProviderError where !error.isRetryable {
                throw PermanentFailure(code: "provider_refused", message: "\(error)")
            } catch let error as AppError where error.kind == .unprocessable {
                throw PermanentFailure(code: error.code, message: error.message)
            }
        }
    }

    func call(
        _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Void
    ) async throws {
        _ = try await call(name) { key -> Done in
            try await body(key)
            return Done()
        }
    }
}

/// The output of a call that has none.
private struct Done: Codable, Sendable {}
