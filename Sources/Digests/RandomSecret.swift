import FoundationEssentials
import WireText

/// Secrets from the system's generator.
package enum RandomSecret {
    package static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    /// Two digits a byte.
    package static func hex(bytes count: Int) -> String { bytes(count).hex }

    package static func base64(bytes count: Int) -> String { Data(bytes(count)).base64EncodedString() }
}
