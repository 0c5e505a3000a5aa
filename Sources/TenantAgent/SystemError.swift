import Glibc

/// A failed system call.
struct SystemError: Error, CustomStringConvertible {
    var operation: String
    var code: Int32

    /// Call at once after the failure: it reads `errno`.
    init(_ operation: String) {
        self.operation = operation
        code = errno
    }

    var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
