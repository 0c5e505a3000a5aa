import Foundation
import Postgres

/// Events as a tenant's spool sends them, and the same rows for those that the service is compared with.
struct UsageEvents {
    static let models = ["sonnet", "opus", "haiku", "gpt", "mini"]
    static let workspaces = 20

    let tenant: Int
    private let epoch = UUID().uuidString.lowercased()
    private var sequence = 1
    private var counter: UInt64 = 0

    init(tenant: Int) { self.tenant = tenant }

    static func organisation(_ tenant: Int) -> String { BootEventLoad.organisation(tenant) }

    /// No two tenants have the same: the end of the organisation's id makes it its own.
    static func adminToken(_ tenant: Int, secret: String) -> String {
        secret + organisation(tenant).suffix(12)
    }

    /// The next events of the tenant's stream, as the body of one request.
    mutating func batch(_ count: Int) -> [UInt8] {
        let time = Date.now.formatted(.iso8601)
        var text = #"{"epoch":"\#(epoch)","sequence":\#(sequence),"events":["#
        for index in 0..<count {
            if index > 0 { text += "," }
            text += #"{"id":"\#(nextID())","workspace_id":"\#(Self.workspace(index))","#
            text += #""provider":"anthropic","model":"\#(Self.models[index % Self.models.count])","#
            text += #""input_tokens":\#(1_000 + index),"output_tokens":\#(200 + index),"cached_tokens":0,"#
            text += #""reasoning_tokens":\#(index),"occurred_at":"\#(time)"}"#
        }
        sequence += count
        return Array((text + "]}").utf8)
    }

    static func workspace(_ index: Int) -> String {
        let digits = String(index % workspaces)
        return "00000000-0000-4000-9000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// UUID version 7: the time in milliseconds, then what no other has.
    private mutating func nextID() -> String {
        counter += 1
        let milliseconds = UInt64(Date.now.timeIntervalSince1970 * 1_000)
        let time = hexadecimal(milliseconds, 12)
        let rest = hexadecimal(UInt64(tenant) << 32 | counter, 12)
        return "\(time.prefix(8))-\(time.suffix(4))-7\(hexadecimal(counter >> 20, 3))-8000-\(rest)"
    }

    private func hexadecimal(_ value: UInt64, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text.suffix(digits)
    }
}

extension BenchDatabase {
    /// Tenants that are enrolled.
    func makeEnrolledTenants(_ count: Int, secret: String) async throws {
        try await makeTenants(count, bootToken: UUID().uuidString)
        try await pool.execute("UPDATE orgs SET status = 'running'")
        try await pool.execute(
            """
            UPDATE tenants SET admin_token_hash = sha256(convert_to(
                    \(secret) || substr(org_id::text, 25), 'UTF8')),
                confirmed_at = now()
            """)
    }

    /// Fills the tables up to that many events of the first tenant, without the service.
    func fillUsage(to count: Int) async throws {
        let there = try await usageRows()
        var left = count - there
        while left > 0 {
            let some = min(left, 500_000)
            try await pool.execute(Self.filling(some))
            left -= some
        }
        try await pool.execute("ANALYZE")
    }

    func usageRows() async throws -> Int {
        try await pool.query("SELECT count(*) AS n FROM usage_event_ids")[0]["n"]
    }

    private static func filling(_ count: Int) -> SQL {
        """
        WITH ids AS (
            INSERT INTO usage_event_ids (org, id)
            SELECT (SELECT min(key) FROM usage_orgs), (lpad(to_hex(
                (extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
                || '7' || substr(md5(n::text || random()), 1, 19))::uuid
            FROM generate_series(1, \(count)::int) n RETURNING org, id)
        INSERT INTO usage_events (occurred_at, millicredits, id, workspace_id, org, model, input_tokens,
            output_tokens, cached_tokens, reasoning_tokens)
        SELECT now(), 1200000, id, '00000000-0000-4000-9000-000000000001', org,
            (SELECT min(key) FROM usage_models), 1000, 200, 0, 0
        FROM ids
        """
    }
}
