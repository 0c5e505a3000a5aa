import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct RewrapTests {
    private static let oldKey = Data(repeating: 3, count: 32).base64EncodedString()
    private static let newKey = Data(repeating: 4, count: 32).base64EncodedString()
    private static let arn = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000009"

    private func box(_ service: TestService, local: String?, previous: [String] = []) -> SecretBox {
        let bytes = { (text: String) in Array(Data(base64Encoded: text) ?? Data()) }
        return SecretBox(
            kmsKeyARN: nil, localKey: local.map(bytes), previousLocalKeys: previous.map(bytes),
            kms: service.platform.fleet.secrets.kms)
    }

    private func sealed(_ service: TestService) async throws -> [UUID: [UInt8]] {
        let rows = try await service.platform.database.query("SELECT org_id, secrets_sealed FROM tenants")
        return try Dictionary(
            uniqueKeysWithValues: rows.map {
                (try $0["org_id", as: UUID.self], try $0["secrets_sealed", as: [UInt8].self])
            })
    }

    @Test func everySecretMovesToTheNewKeyAndTheOldOneIsNeededNoMore() async throws {
        try await TestService.run(["SECRETS_ENCRYPTION_KEY": Self.oldKey]) { service in
            var secrets: [UUID: String] = [:]
            for number in 1...3 {
                let made = try await service.launchedOrg(slug: "org-\(number)")
                secrets[made.org.id] = made.secrets.adminToken
            }
            let database = service.platform.database
            // One of them is in the middle of a rotation.
            try await database.execute(
                """
                UPDATE tenants SET next_token_hash = '\\x01', next_secrets_sealed = secrets_sealed
                WHERE org_id = (SELECT min(org_id::text)::uuid FROM tenants)
                """)
            let both = box(service, local: Self.newKey, previous: [Self.oldKey])
            let rewrap = Rewrap(database: database, secrets: both)
            let before = try await sealed(service)

            #expect(try await rewrap.run(isDryRun: true) == Rewrap.Tally(seen: 4, rewrapped: 4))
            #expect(try await sealed(service) == before)
            #expect(try await rewrap.run(isDryRun: false) == Rewrap.Tally(seen: 4, rewrapped: 4))
            // A run that has finished is begun anew: what came under another key since would be found.
            #expect(try await rewrap.run(isDryRun: false) == Rewrap.Tally(seen: 4, rewrapped: 0))

            let new = box(service, local: Self.newKey)
            for (org, bytes) in try await sealed(service) {
                #expect(try await new.open(TenantSecrets.self, bytes).adminToken == secrets[org])
            }
            let old = box(service, local: Self.oldKey)
            let unreadable = try await Rewrap(database: database, secrets: old).run(isDryRun: true)
            #expect(Set(unreadable.unreadable) == Set(secrets.keys))
        }
    }

    /// The real command, killed in the middle, under a key of KMS.
    @Test func aKilledRunGoesOnWhereItStopped() async throws {
        try await TestCloud.run(["SECRETS_ENCRYPTION_KEY": Self.oldKey]) { cloud in
            let service = cloud.service
            let count = 3 * Rewrap.batch + 7
            let secrets = try await service.platform.fleet.secrets.seal(TenantSecrets.generate())
            try await service.platform.database.execute(
                """
                WITH made AS (
                    INSERT INTO orgs (id, slug, name, owner_user_id, status)
                    SELECT gen_random_uuid(), 'org-' || n, 'n', 'u', 'running'
                    FROM generate_series(1, \(count)::int) n RETURNING id)
                INSERT INTO tenants (org_id, launch_id, secrets_sealed)
                SELECT id, gen_random_uuid(), \(secrets) FROM made
                """)
            let environment = cloud.environment.merging([
                "SECRETS_ENCRYPTION_KEY": Self.oldKey, "KMS_KEY_ARN": Self.arn,
                "PATH": "/usr/bin:/bin",
            ]) { $1 }
            // The key service falls silent in the second batch: it cannot end before it is killed.
            let (skip, silence) = (Rewrap.batch + 20, #""operation":"GenerateDataKey","fault":"silence""#)
            try await cloud.operate(
                "PUT", "faults", #"{"rules":[{"service":"kms",\#(silence),"skip":\#(skip),"seconds":60}]}"#)
            let program = builtProduct("controlplane")
            let first = try ChildProcess(program, ["rewrap"], environment: environment)
            try await eventually("the first batch") {
                try await service.count("secret_rewraps WHERE after_org IS NOT NULL") == 1
            }
            first.signal(SIGKILL)
            _ = try await first.wait()
            try await cloud.operate("PUT", "faults", #"{"rules":[]}"#)
            let done = try await service.count("tenants WHERE get_byte(secrets_sealed, 0) = 2")
            #expect(done >= Rewrap.batch && done < count)

            let second = try await runCommand(program, ["rewrap", "--json"], environment: environment)
            #expect(second.status == 0, "\(second.output)")
            let answer = try JSONDecoder().decode([String: JSONValue].self, from: Data(second.output.utf8))
            // Not from the first row on again.
            #expect((answer["seen"]?.number ?? .max) <= count - Rewrap.batch)
            #expect(try await service.count("tenants WHERE get_byte(secrets_sealed, 0) = 2") == count)
            #expect(try await service.count("secret_rewraps WHERE finished_at IS NOT NULL") == 1)
        }
    }

    /// Every column that holds something sealed is one that `rewrap` goes through.
    @Test func noSealedColumnIsForgotten() async throws {
        try await TestService.run { service in
            let rows = try await service.platform.database.query(
                """
                SELECT table_name || '.' || column_name AS name FROM information_schema.columns
                WHERE table_schema = 'public' AND data_type = 'bytea' AND column_name LIKE '%sealed%'
                """)
            let known = Rewrap.Column.allCases.map { "tenants.\($0.rawValue)" }
            #expect(try Set(rows.map { try $0["name", as: String.self] }) == Set(known))
        }
    }
}
