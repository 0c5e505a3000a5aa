import CCrypto
import WireText

/// A SHA-256 hash, or the code of an `HMACKey`: 32 bytes.
package struct SHA256Digest: Sendable {
    package static let length = 32

    package let bytes: [UInt8]

    package init(of message: [UInt8]) { self = message.withUnsafeBytes { SHA256Digest(of: $0) } }

    /// Of the text's UTF-8.
    package init(of text: String) {
        var text = text
        self = text.withUTF8 { SHA256Digest(of: UnsafeRawBufferPointer($0)) }
    }

    package init(of message: UnsafeRawBufferPointer) {
        bytes = [UInt8](unsafeUninitializedCapacity: Self.length) { buffer, count in
            ccrypto_sha256(message.baseAddress, message.count, buffer.baseAddress)
            count = Self.length
        }
    }

    /// - Parameter bytes: `length` of them.
    init(bytes: [UInt8]) { self.bytes = bytes }

    /// 64 lower-case digits.
    package var hex: String { bytes.hex }
}
