import TenantProtocol

/// Why a stage or a redeploy failed. The code crosses to the platform; the message stays on the console.
struct StageFailure: Error, CustomStringConvertible {
    var code: FailureCode
    var message: String
    /// Exit status of the container that failed.
    var exitCode: Int?

    init(_ code: FailureCode, _ message: String, exitCode: Int? = nil) {
        self.code = code
        self.message = message
        self.exitCode = exitCode
    }

    /// Asking again cannot help: systemd does not start the agent anew.
    var isFinal: Bool { code == .enrolmentRefused || code == .invalidDeclaration }

    var description: String { "\(code.rawValue): \(message)" }

    /// Anything else that was thrown is this program's own failure.
    init(_ error: any Error) {
        if let failure = error as? StageFailure {
            self = failure
        } else {
            self.init(.internalError, "\(error)")
        }
    }
}
