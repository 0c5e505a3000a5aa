import FoundationEssentials
import TenantProtocol
import WireText

extension EnrolmentGrant {
    /// A self-hosted tenant's own secrets, from the kernel's random numbers.
    static func selfMade() -> EnrolmentGrant {
        EnrolmentGrant(
            adminToken: randomHex(bytes: 32), secretsEncryptionKey: randomBase64(bytes: 32),
            databasePassword: randomHex(bytes: 24), sharedSecret: randomHex(bytes: 32), tunnelToken: "")
    }
}

private func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}

private func randomHex(bytes: Int) -> String { randomBytes(bytes).hex }

private func randomBase64(bytes: Int) -> String { Data(randomBytes(bytes)).base64EncodedString() }
