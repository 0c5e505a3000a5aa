import Foundation
import TestSupport
import Testing

/// Operators, partners and a tenant's token, against a server that answers as it was told.
@Suite struct CredentialCommandTests {
    private static let operators = "/cp/admin/operator-tokens"
    private static let partners = "/cp/admin/partner-keys"

    private func body(_ run: Run) throws -> NSDictionary? {
        let text = try #require(run.requests.first?.body)
        return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
    }

    @Test func anOperatorsTokenIsShownOnce() async throws {
        let issued = """
            {"id":"t-1","name":"ada","status":"active","role":"operate","token":"mol_op_secret",
            "token_prefix":"mol_op_secret000","created_by":"environment",
            "created_at":"2026-01-01T08:00:00.000Z","expires_at":null,"last_used_at":null}
            """
        let run = try await cpctl(
            ["operators", "issue", "ada", "--role", "operate", "--expires-in-days", "30"],
            [Self.operators: [answer(issued, 201)]])
        #expect(run.status == 0)
        #expect(run.output.hasPrefix("mol_op_secret\n\nIt is shown only once. Id t-1, expires never."))
        #expect(try body(run) == ["name": "ada", "role": "operate", "expires_in_days": 30])
        let wrong = try await cpctl(["operators", "issue", "ada", "--role", "root"], [:])
        #expect(wrong.status != 0 && wrong.requests.isEmpty)
        #expect(wrong.output.contains("--role is read, operate or admin."))
    }

    @Test(arguments: [
        (#"{"alarmed":false,"uses":0}"#, "Only the environment's token opens the operator routes"),
        (#"{"alarmed":true,"uses":0}"#, "has not been used since named tokens exist"),
        (
            #"{"alarmed":true,"uses":2,"address":"10.0.0.9","last_used_at":"2026-01-02T08:00:00.000Z"}"#,
            "WARNING: the environment's token was used although named tokens exist: last "
                + "2026-01-02T08:00:00Z from 10.0.0.9, in 2 minutes in all."
        ),
    ])
    func theUseOfTheEnvironmentsTokenIsTold(_ token: String, _ text: String) async throws {
        let run = try await cpctl(
            ["operators", "list"],
            [Self.operators: [answer(#"{"operator_tokens":[],"environment_token":\#(token)}"#)]])
        #expect(run.status == 0 && run.output.contains(text), "\(run.output)")
    }

    @Test func aPartnersKeyIsOrderedWithWhatItMayDo() async throws {
        let issued = """
            {"id":"k-1","name":"ci","status":"active","partner_id":"p","scopes":["orgs:read"],
            "key":"mol_pk_live_0","key_prefix":"mol_pk_live_0123","org_id":null,"rate_limit":60,
            "created_by":"ada","created_at":"2026-01-01T08:00:00.000Z","expires_at":null,"last_used_at":null}
            """
        let run = try await cpctl(
            [
                "partner-keys", "issue", "ci", "--partner", "p", "--scopes", "orgs:read,orgs:create",
                "--rate-limit", "60",
            ], [Self.partners: [answer(issued, 201)]])
        #expect(run.status == 0 && run.output.hasPrefix("mol_pk_live_0\n"))
        #expect(
            try body(run)
                == [
                    "name": "ci", "partner_id": "p", "scopes": ["orgs:read", "orgs:create"], "rate_limit": 60,
                ])
    }

    @Test func revokingNamesWhatIsGone() async throws {
        for (command, path) in [("operators", Self.operators), ("partner-keys", Self.partners)] {
            let run = try await cpctl(
                [command, "revoke", "x-1"], [path + "/x-1": [.init(status: 204)]])
            #expect(run.status == 0 && run.output == "x-1 is revoked.\n")
            #expect(run.requests.map(\.method) == ["DELETE"])
            let unknown = try await cpctl(
                [command, "revoke", "x-1"],
                [
                    path + "/x-1": [
                        answer(
                            #"{"status":404,"code":"credential_not_found","detail":"There is none."}"#, 404)
                    ]
                ])
            #expect(unknown.status == 1 && unknown.output.contains("There is none."))
        }
    }

    @Test func aRotationSaysWhereItStands() async throws {
        let state = """
            {"slug":"acme","rotation":{"pending":true,"next_issued_at":"2026-01-01T08:00:00.000Z"}}
            """
        let run = try await cpctl(
            ["tenants", "rotate", "acme", "--show"],
            ["/cp/admin/tenants/acme/credentials": [answer(state)]])
        #expect(run.status == 0)
        #expect(run.output.contains("issued 2026-01-01T08:00:00Z"), "\(run.output)")
        #expect(run.requests.map(\.method) == ["GET"])
    }
}
