import Synchronization

/// One call to a provider, as the ledger keeps it.
struct CallRecord: Codable, Sendable {
    var operation: String
    /// The provider's own id of the request, for a question to its support.
    var requestID: String?
}

/// The last call that a step made. The wire notes calls here; the step's record carries the last one into
/// the ledger.
final class CallLog: Sendable {
    @TaskLocal static var current: CallLog?

    private let state = Mutex<(last: CallRecord?, count: Int)>((nil, 0))

    var last: CallRecord? { state.withLock { $0.last } }
    var count: Int { state.withLock { $0.count } }
    func note(_ call: CallRecord) { state.withLock { $0 = (call, $0.count + 1) } }
}
