import AdminProtocol
import Digests
import FoundationEssentials
import TenantProtocol

/// Renders `userdata/boot.sh` for one tenant.
///
/// Each value is put in as base64 of JSON or text: nothing that a customer chose is ever read by a shell.
///
/// The script is rendered once for a launch, and recorded without the boot token: EC2 refuses a repeated
/// RunInstances whose bytes differ (`IdempotentParameterMismatch`), and a deploy of the service between the
/// calls may have changed template and configuration.
package struct UserData: Sendable {
    /// EC2's own limit, before base64.
    package static let maximumBytes = 16_384

    private struct Agent: Encodable {
        var url: String
        var sha256: String
    }

    private static let bootTokenPlace = "@BOOT_TOKEN_BASE64@"

    /// The rendered script, in which the boot token's place is still marked. No secret.
    package let text: String

    /// As it was recorded.
    init(recorded text: String) {
        self.text = text
    }

    /// - Parameter template: the text of `userdata/boot.sh`
    /// - Throws: `userdata_unusable` when a place for a value is missing
    init(template: String, _ declaration: Declaration, launch: Launch) throws {
        let agent = Agent(url: launch.agentURL, sha256: launch.agentSHA256)
        let values = [
            "@DECLARATION_BASE64@": Data(try JSONEncoder.wire.encode(declaration)).base64EncodedString(),
            "@AGENT_BASE64@": Data(try JSONEncoder.wire.encode(agent)).base64EncodedString(),
        ]
        for token in [Self.bootTokenPlace] + values.keys where !template.contains(token) {
            throw Self.unusable("it lacks \(token)")
        }
        text = values.reduce(template) { $0.replacing($1.key, with: $1.value) }
    }

    /// What EC2 is sent.
    /// - Throws: `userdata_unusable` when it exceeds EC2's limit
    func bytes(bootToken: String) throws -> [UInt8] {
        let script = text.replacing(
            Self.bootTokenPlace, with: Data(bootToken.utf8).base64EncodedString())
        let bytes = Array(script.utf8)
        guard bytes.count <= Self.maximumBytes else {
            throw Self.unusable("it comes to \(bytes.count) bytes, over EC2's \(Self.maximumBytes)")
        }
        return bytes
    }

    private static func unusable(_ reason: String) -> AppError {
        AppError(.internalError, "userdata_unusable", "The boot script cannot be rendered: \(reason).")
    }
}
