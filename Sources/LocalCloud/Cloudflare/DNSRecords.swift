#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

struct DNSRecord: Sendable {
    var id: String
    var name: String
    var type: String
    var content: String
    var proxied: Bool
    var ttl: Int
    var comment: String?
    var createdAt: Date
    var modifiedAt: Date
    var visibleAt: ContinuousClock.Instant

    var description: JSONValue {
        [
            "id": .string(id), "name": .string(name), "type": .string(type), "content": .string(content),
            "proxiable": true, "proxied": .bool(proxied), "ttl": .integer(ttl), "settings": [:],
            "meta": [:], "comment": comment.map { .string($0) } ?? nil, "tags": [],
            "created_on": .string(Timestamp.text(createdAt)),
            "modified_on": .string(Timestamp.text(modifiedAt)),
        ]
    }
}

/// The zone's records. Source: API v4, "DNS Records".
actor DNSRecords {
    private let zoneName: String
    private let maximum: Int
    private var records: [String: DNSRecord] = [:]
    private var order: [String] = []

    init(zoneName: String, maximum: Int) {
        self.zoneName = zoneName
        self.maximum = maximum
    }

    var all: [DNSRecord] { order.compactMap { records[$0] } }

    /// The tunnel to which a hostname points, when a proxied CNAME says so.
    func tunnel(for hostname: String) -> String? {
        let suffix = ".cfargotunnel.com"
        let record = records.values.first {
            $0.name == hostname && $0.type == "CNAME" && $0.proxied && $0.content.hasSuffix(suffix)
        }
        return record.map { String($0.content.dropLast(suffix.count)) }
    }

    func create(_ body: JSONValue) throws -> JSONValue {
        guard records.count < maximum else {
            throw CloudflareError(81045, "The record quota has been exceeded.", status: 400)
        }
        let now = Date()
        var record = DNSRecord(
            id: ResourceID.hexadecimal(32), name: "", type: "", content: "", proxied: false, ttl: 1,
            comment: nil, createdAt: now, modifiedAt: now, visibleAt: Visibility.instant())
        try apply(body, to: &record, whole: true)
        try store(record)
        order.append(record.id)
        return record.description
    }

    func list(_ call: HTTPCall) throws -> [JSONValue] {
        let items = Dictionary(call.queryItems.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        return all.filter { record in
            record.visibleAt.isPast && Self.matches(record.name, "name", items)
                && Self.matches(record.content, "content", items)
                && Self.matches(record.comment ?? "", "comment", items)
                && (items["type"] == nil || items["type"] == record.type)
                && (items["proxied"] == nil || items["proxied"] == String(record.proxied))
        }.map(\.description)
    }

    /// `name=` and `name.exact=`, `name.contains=`, `name.startswith=`, `name.endswith=`.
    private static func matches(_ value: String, _ key: String, _ items: [String: String]) -> Bool {
        if let exact = items[key] ?? items[key + ".exact"], exact.lowercased() != value.lowercased() {
            return false
        }
        if let part = items[key + ".contains"], !value.contains(part) { return false }
        if let start = items[key + ".startswith"], !value.hasPrefix(start) { return false }
        if let end = items[key + ".endswith"], !value.hasSuffix(end) { return false }
        return true
    }

    func show(_ id: String) throws -> JSONValue {
        guard try find(id).visibleAt.isPast else { throw Self.notFound }
        return try find(id).description
    }

    func patch(_ id: String, _ body: JSONValue) throws -> JSONValue { try change(id, body, whole: false) }

    func replace(_ id: String, _ body: JSONValue) throws -> JSONValue { try change(id, body, whole: true) }

    private func change(_ id: String, _ body: JSONValue, whole: Bool) throws -> JSONValue {
        var record = try find(id)
        try apply(body, to: &record, whole: whole)
        record.modifiedAt = Date()
        try store(record)
        return record.description
    }

    func delete(_ id: String) throws -> JSONValue {
        _ = try find(id)
        records[id] = nil
        order.removeAll { $0 == id }
        return ["id": .string(id)]
    }

    /// Deletes, then patches, then puts, then posts; all of them or none.
    func batch(_ body: JSONValue) throws -> JSONValue {
        let (savedRecords, savedOrder) = (records, order)
        do {
            let deletes = try Self.members(body, "deletes").map { entry in
                let record = try find(try Self.id(entry)).description
                _ = try delete(try Self.id(entry))
                return record
            }
            let patches = try Self.members(body, "patches").map { try patch(try Self.id($0), $0) }
            let puts = try Self.members(body, "puts").map { try replace(try Self.id($0), $0) }
            let posts = try Self.members(body, "posts").map { try create($0) }
            return [
                "deletes": .array(deletes), "patches": .array(patches), "puts": .array(puts),
                "posts": .array(posts),
            ]
        } catch {
            (records, order) = (savedRecords, savedOrder)
            throw error
        }
    }

    private static func members(_ body: JSONValue, _ name: String) -> [JSONValue] { body[name]?.array ?? [] }

    private static func id(_ entry: JSONValue) throws -> String {
        guard let id = entry["id"]?.string else {
            throw CloudflareError(1004, "DNS Validation Error: id is required", status: 400)
        }
        return id
    }

    private static let notFound = CloudflareError(81044, "Record does not exist.", status: 404)

    private func find(_ id: String) throws -> DNSRecord {
        guard let record = records[id] else { throw Self.notFound }
        return record
    }

    private func apply(_ body: JSONValue, to record: inout DNSRecord, whole: Bool) throws {
        if whole {
            for name in ["name", "type", "content"] where body[name]?.string?.isEmpty != false {
                throw CloudflareError(
                    9000 + (name == "content" ? 7 : 0), "DNS Validation Error: \(name) is required",
                    status: 400)
            }
        }
        if let name = body["name"]?.string { record.name = qualified(name.lowercased()) }
        if let type = body["type"]?.string { record.type = type }
        if let content = body["content"]?.string { record.content = content }
        if let proxied = body["proxied"]?.bool { record.proxied = proxied }
        if let ttl = body["ttl"]?.integer { record.ttl = ttl }
        if let comment = body["comment"]?.string { record.comment = comment }
        guard ["A", "AAAA", "CNAME", "TXT"].contains(record.type) else {
            throw CloudflareError(9004, "Invalid DNS record type", status: 400)
        }
        if record.type == "A", Subnet.parse(record.content) == nil {
            throw CloudflareError(9005, "Content for A record must be a valid IPv4 address.", status: 400)
        }
        guard record.ttl == 1 || (60...86400).contains(record.ttl) else {
            throw CloudflareError(
                9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1", status: 400)
        }
    }

    private func qualified(_ name: String) -> String {
        if name == "@" { return zoneName }
        return name == zoneName || name.hasSuffix("." + zoneName) ? name : "\(name).\(zoneName)"
    }

    /// Refuses what the zone cannot hold beside the others.
    /// Source: Cloudflare DNS, "Records with the same name".
    private func store(_ record: DNSRecord) throws {
        let addressTypes: Set<String> = ["A", "AAAA", "CNAME"]
        for other in records.values where other.id != record.id && other.name == record.name {
            if other.type == record.type && other.content == record.content {
                throw CloudflareError(81058, "An identical record already exists.", status: 400)
            }
            if record.type == "CNAME", addressTypes.contains(other.type) {
                throw CloudflareError(
                    81053, "An A, AAAA, or CNAME record with that host already exists.", status: 400)
            }
            if other.type == "CNAME", addressTypes.contains(record.type) {
                throw CloudflareError(81054, "A CNAME record with that host already exists.", status: 400)
            }
        }
        records[record.id] = record
    }
}
