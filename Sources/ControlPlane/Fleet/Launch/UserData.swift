import AdminProtocol
import Digests
import FoundationEssentials
import TenantProtocol

/// Renders `userdata/boot.sh` for one tenant.
///
/// Each value is put in as base64 of JSON or text: nothing that a customer chose is ever read by a shell.
package struct UserData: Sendable {
    /// EC2's own limit, before base64.
    package static let maximumBytes = 16_384

    private struct Agent: Encodable {
        var url: String
        var sha256: String
    }

    package let template: String

    func render(_ declaration: Declaration, launch: Launch, bootToken: String) throws -> [UInt8] {
        let agent = Agent(url: launch.agentURL, sha256: launch.agentSHA256)
        let values = [
            "@DECLARATION_BASE64@": Data(try JSONEncoder.wire.encode(declaration)).base64EncodedString(),
            "@BOOT_TOKEN_BASE64@": Data(bootToken.utf8).base64EncodedString(),
            "@AGENT_BASE64@": Data(try JSONEncoder.wire.encode(agent)).base64EncodedString(),
        ]
        var script = template
        for (token, value) in values {
            guard script.contains(token) else { throw Self.unusable("it lacks \(token)") }
            script = script.replacing(token, with: value)
        }
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
