import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a tenant says of itself to its platform, kept on its own disk until the platform has it: the answers
/// of models, and what becomes of workspaces. Answers once a record is on the disk. The agent sends.
package struct UsageSpool: Sendable {
    private let usage: SpoolWriter
    private let workspaceEvents: SpoolWriter

    /// - Parameter folder: read by the agent; each kind of record has a folder of its own below it
    package init(folder: String, limits: SpoolWriter.Limits = .init()) {
        usage = SpoolWriter(.usage, in: folder, limits: limits)
        workspaceEvents = SpoolWriter(.workspaceEvents, in: folder, limits: limits)
    }

    /// - Throws: as `SpoolWriter.record`
    package func record(_ event: UsageEvent) async throws { try await usage.record(try Self.json(event)) }

    package func record(_ event: WorkspaceEvent) async throws {
        try await workspaceEvents.record(try Self.json(event))
    }

    private static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}

/// Where the two sides keep what they know.
package struct SpoolFolders: Sendable {
    /// The tenant's, which writes the streams.
    package var tenant: String
    /// The sender's own, out of the tenant's reach.
    package var delivery: String

    package init(tenant: String, delivery: String) {
        self.tenant = tenant
        self.delivery = delivery
    }
}
