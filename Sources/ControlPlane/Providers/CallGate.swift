/// What stands before every call to a provider, and keeps the calls of all replicas within its limits.
///
/// The clients know no database: what counts the calls lies above them.
package protocol CallGate: Sendable {
    var limits: ProviderLimits { get }

    /// Returns when the call may be sent.
    /// - Throws: what ends or postpones the work that wants to call.
    func admit(_ limit: ProviderLimit, _ operation: String) async throws

    /// The provider refused a call for its rate.
    func throttled(_ limit: ProviderLimit, retryAfter: Duration?) async throws
}
