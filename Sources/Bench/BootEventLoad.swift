import Foundation
import Postgres

/// The boot events that the load sends, and the rows that let them in.
enum BootEventLoad {
    /// So many that none of them comes near its limit of requests, as in a fleet that boots.
    static let organisations = 1_000

    /// One row of the table, as the service writes many at once.
    static let insert = """
        INSERT INTO boot_events (launch_id, sequence, stage, outcome, duration_ms, code, exit_code)
        VALUES (gen_random_uuid(), 1, 'docker', 'succeeded', 1200, NULL, NULL);
        """

    static func organisation(_ index: Int) -> String {
        let digits = String(index)
        return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }

    /// Every request reports another stage of another organisation: nothing is a duplicate.
    static func script(token: String) throws -> String {
        let text = """
            local threads = 0
            function setup(thread)
              thread:set("number", threads)
              threads = threads + 1
            end
            function init(args)
              counter = 0
            end
            function request()
              counter = counter + 1
              local org = counter % \(organisations) + 1
              local sequence = number * 400000 + math.floor(counter / \(organisations)) + 1
              local headers = {
                ["Authorization"] = "Bearer \(token)",
                ["Content-Type"] = "application/json",
                ["X-Molecule-Org-Id"] = string.format("00000000-0000-4000-8000-%012d", org),
              }
              local body = string.format(
                '{"sequence":%d,"stage":"docker","outcome":"succeeded","duration_ms":1200}', sequence)
              return wrk.format("POST", nil, headers, body)
            end
            """
        let path = FileManager.default.temporaryDirectory.appending(
            path: "boot-events-\(UUID().uuidString).lua"
        ).path
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw BenchError("cannot write \(path)") }
        return path
    }
}

extension BenchDatabase {
    /// Organisations whose launches are under way, all with the same boot token.
    func makeTenants(_ count: Int, bootToken: String) async throws {
        for index in 1...count {
            let id = UUID(uuidString: BootEventLoad.organisation(index))!
            try await pool.execute(
                """
                INSERT INTO orgs (id, slug, name, owner_user_id, status)
                VALUES (\(id), \("bench-\(index)"), 'bench', 'bench', 'provisioning')
                """)
            try await pool.execute(
                """
                INSERT INTO tenants (org_id, launch_id, boot_token_hash)
                VALUES (\(id), gen_random_uuid(), sha256(convert_to(\(bootToken), 'UTF8')))
                """)
        }
    }
}
