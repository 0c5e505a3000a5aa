import Glibc

/// A failed system call.
package struct SystemError: Error, CustomStringConvertible {
    package var operation: String
    package var code: Int32

    /// Call at once after the failure: it reads `errno`.
    package init(_ operation: String) {
        self.operation = operation
        code = errno
    }

    package var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
