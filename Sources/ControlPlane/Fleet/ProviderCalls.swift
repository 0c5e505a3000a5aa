import AdminProtocol
import Postgres
import Providers
import Workflows

extension WorkflowContext {
    /// How often a provider is asked again while it is away or throttles: for about half an hour.
    static let providerRetry = RetryPolicy(
        attempts: 60, base: .milliseconds(500), cap: .seconds(60), deadline: .seconds(1_800))

    /// A step that asks a provider. What asking again cannot mend ends the workflow at once, with the
    /// provider's reason.
    package func call<Output: Codable & Sendable>(
        _ name: String, isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> Output
    ) async throws -> Output {
        try await step(name, retry: Self.providerRetry) { key in
            try await explained { try await body(key) }
        }
    }

    /// A step that asks a provider, and our own SQL about the answer in the commit that records it.
    @discardableResult
    package func call<Output: Codable & Sendable, Detail: Sendable>(
        _ name: String, isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> (Output, Detail),
        record: (Output, Detail, Transaction) async throws -> Void
    ) async throws -> Output {
        try await step(
            name, retry: Self.providerRetry, { key in try await explained { try await body(key) } },
            record: record)
    }

    /// Creates a resource whose intent stands in the ledger: its id and the call go there in the commit that
    /// records the step; a failed call is noted there as well.
    /// - Parameter body: returns the output and the provider's id.
    @discardableResult
    package func create<Output: Codable & Sendable>(
        _ name: String, _ kind: ResourceLedger.Kind, _ intentID: String,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> (Output, providerID: String),
        record: (Output, Transaction) async throws -> Void = { _, _ in }
    ) async throws -> Output {
        try await call(
            name,
            { key in
                let (made, call) = try await noted(kind, intentID) { try await body(key) }
                return (made.0, (made.providerID, call))
            },
            record: { (output: Output, made: (id: String, call: CallRecord?), transaction) in
                try await ResourceLedger(database: transaction).created(
                    kind, intentID: intentID, providerID: made.id, made.call)
                try await record(output, transaction)
            })
    }

    /// A call about a resource of the ledger: one that fails is noted there at once.
    /// - Returns: what it gave, and the call itself, for the commit that notes its success.
    func noted<Output: Sendable>(
        _ kind: ResourceLedger.Kind, _ intentID: String, isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Output
    ) async throws -> (Output, CallRecord?) {
        let log = CallLog()
        do {
            return (try await CallLog.$current.withValue(log) { try await body() }, log.last)
        } catch let error as ProviderError {
            try await fenced { transaction in
                try await ResourceLedger(database: transaction).failed(kind, intentID: intentID, error)
            }
            throw error
        }
    }

    private func explained<Output: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Output
    ) async throws -> Output {
        do {
            return try await body()
        } catch let error as ProviderError where error.isMissing {
            // It was created, or there would be no call about it: the provider will show it.
            throw error.notVisibleYet
        } catch let error as ProviderError where !error.isRetryable {
            throw PermanentFailure(code: error.refusalCode, message: "\(error)")
        } catch let error as AppError where error.kind == .unprocessable || error.kind == .internalError {
            throw PermanentFailure(code: error.code, message: error.message)
        }
    }
}

extension ProviderError {
    /// As a failed workflow tells it.
    var refusalCode: String { isQuota ? "quota_exhausted" : "provider_refused" }
}
