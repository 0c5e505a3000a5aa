import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a rendered boot script carries: found by the names of its two shell variables.
struct RenderedScript: Sendable {
    let declaration: Declaration
    let bootToken: String

    init?(_ script: String) {
        guard let declaration = Self.value("DECLARATION_BASE64", in: script),
            let token = Self.value("BOOT_TOKEN_BASE64", in: script),
            let parsed = try? JSONDecoder().decode(Declaration.self, from: declaration)
        else { return nil }
        self.declaration = parsed
        bootToken = String(decoding: token, as: UTF8.self)
    }

    private static func value(_ name: String, in script: String) -> Data? {
        for line in script.split(separator: "\n") where line.hasPrefix(name + "=") {
            let quoted = line.dropFirst(name.count + 1)
            return Data(base64Encoded: quoted.filter { $0 != "'" && $0 != "\"" })
        }
        return nil
    }
}
