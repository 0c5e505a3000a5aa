import CurlHTTP
import FoundationEssentials
import TenantProtocol

/// What the platform lets its tenants know, `GET /cp/tenants/config`: a flat object of strings. The last
/// one that was fetched stays in force while the platform is away.
struct TenantConfiguration: Sendable {
    let installation: Installation

    static let maximumBytes = 64 << 10
    static let maximumValueBytes = 4 << 10

    func current() throws -> [String: String] {
        guard let bytes = try Files.read(installation.configurationPath) else { return [:] }
        return try Self.parse(bytes)
    }

    /// Whether something changed.
    func refresh(from platform: PlatformClient, adminToken: String) async throws -> Bool {
        let response = try await platform.configuration(adminToken: adminToken)
        guard response.isSuccess else {
            throw StageFailure(.platformUnreachable, "tenant configuration: \(response.status)")
        }
        let fresh = try Self.parse(response.body)
        if Files.exists(installation.configurationPath), try fresh == current() { return false }
        try Files.replace(installation.configurationPath, with: try encoded(fresh), mode: 0o600)
        return true
    }

    static func parse(_ bytes: [UInt8]) throws -> [String: String] {
        guard bytes.count <= maximumBytes else { throw invalid("it is longer than \(maximumBytes) bytes") }
        guard let values = try? JSONDecoder().decode([String: String].self, from: Data(bytes)) else {
            throw invalid("it is not a flat object of strings")
        }
        for (name, value) in values {
            guard isVariableName(name) else { throw invalid("a name is not one of a variable") }
            guard value.utf8.count <= maximumValueBytes, !value.utf8.contains(0) else {
                throw invalid("\(name) is longer than \(maximumValueBytes) bytes or holds a NUL")
            }
        }
        return values
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 128 else { return false }
        return !(0x30...0x39).contains(first)
            && name.utf8.allSatisfy {
                (0x41...0x5A).contains($0 & 0xDF) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
            }
    }

    private static func invalid(_ why: String) -> StageFailure {
        StageFailure(.internalError, "the tenant configuration is refused: \(why)")
    }
}
