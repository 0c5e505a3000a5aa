import Synchronization

/// One call to a provider, as the ledger keeps it.
package struct CallRecord: Codable, Sendable {
    package var operation: String
    /// The provider's own id of the request, for a question to its support.
    package var requestID: String?

    package init(operation: String, requestID: String? = nil) {
        self.operation = operation
        self.requestID = requestID
    }
}

/// The last call that a step made. The wire notes calls here; the step's record carries the last one into
/// the ledger.
package final class CallLog: Sendable {
    @TaskLocal package static var current: CallLog?

    private let state = Mutex<(last: CallRecord?, count: Int)>((nil, 0))

    package init() {}

    package var last: CallRecord? { state.withLock { $0.last } }
    package var count: Int { state.withLock { $0.count } }
    package func note(_ call: CallRecord) { state.withLock { $0 = (call, $0.count + 1) } }
}
