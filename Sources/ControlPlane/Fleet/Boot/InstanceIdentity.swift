import CCrypto
import FoundationEssentials

/// What AWS says of the instance that presents it: the content of a verified identity document.
/// Source: EC2 user guide, "Instance identity documents".
package struct InstanceIdentity: Decodable, Sendable, Equatable {
    package var instanceId: String
    package var region: String
    var accountId: String
    var imageId: String

    enum VerificationError: Error { case notAuthentic, malformed }

    /// Longest document that is looked at, in bytes.
    static let maximumContentBytes = 8_192

    /// - Parameters:
    ///   - pkcs7: base64, with or without line breaks, of the signed message.
    ///   - certificate: PEM of the region's certificate; the only signer that is believed.
    package init(pkcs7: String, certificate: String) throws {
        let compact = String(pkcs7.filter { !$0.isWhitespace })
        guard let der = Data(base64Encoded: compact), !der.isEmpty else {
            throw VerificationError.malformed
        }
        var content = [UInt8](repeating: 0, count: Self.maximumContentBytes)
        let message = Array(der)
        let length = cp_pkcs7_verify(message, message.count, certificate, &content, content.count)
        guard length >= 0 else { throw VerificationError.notAuthentic }
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(content.prefix(length)))
        } catch {
            throw VerificationError.malformed
        }
    }
}
