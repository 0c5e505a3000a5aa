import FoundationEssentials

/// Whole lists, for the reconciler: every page of what carries a mark.
extension CloudflareClient {
    /// Rows of a page. Source: Cloudflare API, cfd_tunnel: at most 1,000.
    static let listPageSize = 1_000

    /// The living tunnels whose name begins so.
    package func listTunnels(prefix: String) async throws -> [ListedTunnel] {
        try await pages("listTunnels", "\(tunnels)?is_deleted=false&include_prefix=\(escaped(prefix))")
    }

    /// The zone's records whose comment begins so.
    package func listDNSRecords(commentPrefix: String) async throws -> [ListedRecord] {
        try await pages("listDNSRecords", "\(records)?comment.startswith=\(escaped(commentPrefix))")
    }

    private func pages<Item: Decodable>(_ operation: String, _ path: String) async throws -> [Item] {
        var all: [Item] = []
        var number = 1
        while true {
            let page = try await call(
                operation, "GET", "\(path)&per_page=\(Self.listPageSize)&page=\(number)", as: [Item].self)
            all += page
            guard page.count == Self.listPageSize else { return all }
            number += 1
        }
    }

    private struct RecordContent: Encodable {
        var content: String
        var proxied: Bool
    }

    /// Points an existing record elsewhere.
    package func patchDNSRecord(id: String, content: String, proxied: Bool) async throws -> DNSRecord {
        try await call(
            "patchDNSRecord", "PATCH", "\(records)/\(id)",
            RecordContent(content: content, proxied: proxied), as: DNSRecord.self)
    }
}

/// Source: Cloudflare API, cfd_tunnel, list.
package struct ListedTunnel: Decodable, Sendable {
    package var id: String
    package var name: String
    /// `inactive` (never connected), `degraded`, `healthy` or `down`.
    package var status: String?
    package var createdAt: String?
    /// When the last connection went; nil while there is one, or never was.
    package var inactiveSince: String?

    private enum CodingKeys: String, CodingKey {
        case id, name, status
        case createdAt = "created_at"
        case inactiveSince = "conns_inactive_at"
    }
}

/// Source: Cloudflare API, dns_records, list.
package struct ListedRecord: Decodable, Sendable {
    package var id: String
    package var name: String
    package var content: String
    package var proxied: Bool?
    package var comment: String?
    package var createdAt: String?

    private enum CodingKeys: String, CodingKey {
        case id, name, content, proxied, comment
        case createdAt = "created_on"
    }
}
