import CurlHTTP
import Foundation
import PushSignature
import TestSupport
import Testing

@testable import WorkspaceServer

private let org = "11111111-2222-4333-8444-555555555555"
private let w1 = "0199c0de-0000-7000-8000-0000000000a1"
private let w2 = "0199c0de-0000-7000-8000-0000000000a2"
private let inside = ["X-Molecule-Org-Id": org]

/// workspace-server with a platform that answers as it is told, and a folder that it keeps.
private func withTenant(
    _ settings: [String: String], in folder: String, answers: [String: [ScriptedServer.Answer]]? = nil,
    _ body: (StackProgram, ScriptedServer) async throws -> Void
) async throws {
    try FileManager.default.createDirectory(atPath: "\(folder)/data", withIntermediateDirectories: true)
    let platform = try await ScriptedServer(folder: folder, try answers ?? config(settings))
    let nowhere = "127.0.0.1:\(try freePort())"
    let server = try StackProgram.workspaceServer([
        "DATABASE_URL": "postgresql://\(nowhere)/none", "REDIS_URL": "redis://\(nowhere)",
        "MEMORY_PLUGIN_URL": "http://\(nowhere)", "MOLECULE_ORG_ID": org, "MOLECULE_CP_URL": platform.url,
        "ADMIN_TOKEN": "adm_canary", "WORKSPACE_DATA": "\(folder)/data", "CONFIG_REFRESH_SECONDS": "86400",
    ])
    do {
        try await eventually("an answer", within: .seconds(30)) {
            (try? await server.send("GET", "/metrics").status) == 200
        }
        try await body(server, platform)
    } catch {
        await server.process.stop()
        await platform.stop()
        throw error
    }
    await server.process.stop()
    await platform.stop()
}

private func config(_ settings: [String: String]) throws -> [String: [ScriptedServer.Answer]] {
    let body = String(decoding: try JSONEncoder().encode(settings), as: UTF8.self)
    return ["/cp/tenants/config": [.init(status: 200, body: body)]]
}

extension StackProgram {
    fileprivate func metric(_ name: String) async throws -> String? {
        try await send("GET", "/metrics").text.split(separator: "\n")
            .first { $0.hasPrefix("\(name) ") }?.split(separator: " ").last.map(String.init)
    }

    fileprivate func awaitSettings() async throws {
        try await eventually("settings") {
            try await metric("molecule_tenant_settings_age_seconds") != nil
        }
    }

    fileprivate func push(_ token: String = "adm_canary", age: Int = 0, to org: String = org) async throws
        -> Int
    {
        let signature = PushSignature.header(
            [PushKey(adminToken: token)], time: Int(Date().timeIntervalSince1970) - age, org: org,
            body: Array("{}".utf8))
        return try await send("POST", SettingsPush.path, [SettingsPush.signatureHeader: signature], "{}")
            .status
    }
}

private let usage =
    #"{"workspace_id":"\#(w1)","model":"m","provider":"p","input_tokens":5,"output_tokens":7}"#

@Suite struct SettingsPushRouteTests {
    @Test func onlyThePlatformsPushMakesItAskAndAtOnce() async throws {
        try await withTemporaryFolder { folder in
            try await withTenant(["MOLECULE_ORG_STATUS": "running"], in: folder) { server, platform in
                try await server.awaitSettings()
                #expect(try await server.send("POST", SettingsPush.path, [:], "{}").status == 404)
                #expect(try await server.push("adm_other") == 401)
                #expect(try await server.push(age: SettingsPush.tolerance + 5) == 401)
                #expect(try await server.push(to: "another") == 401)
                #expect(try platform.requests().count == 1)
                try platform.answer(try config(["MOLECULE_ORG_STATUS": "suspended"]))
                #expect(try await server.push() == 202)
                try await eventually("the suspension") {
                    try await server.metric("molecule_tenant_suspended") == "1"
                }
                // Said again, it asks again, and that is all.
                #expect(try await server.push() == 202)
                try await eventually("another look") { try platform.requests().count == 3 }
            }
        }
    }

    @Test func theLastAnswerStaysInForceOverARestartWithoutThePlatform() async throws {
        try await withTemporaryFolder { folder in
            let suspended = [
                "MOLECULE_ORG_STATUS": "suspended", "MOLECULE_SUSPENDED_REASON": "unpaid",
                "MOLECULE_BILLING_STATUS": "past_due",
            ]
            try await withTenant(suspended, in: folder) { server, _ in
                try await eventually("the suspension") {
                    try await server.metric("molecule_tenant_suspended") == "1"
                }
            }
            let path = "\(folder)/data/settings.json"
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let away = ["/cp/tenants/config": [ScriptedServer.Answer(status: 503)]]
            try await withTenant([:], in: folder, answers: away) { server, _ in
                let refused = try await server.send("GET", "/internal/llm-permission", inside)
                #expect(refused.status == 402 && refused.text.contains("unpaid"))
                #expect(try await server.metric("molecule_tenant_settings_age_seconds") == nil)
            }
        }
    }
}

@Suite struct UsageRouteTests {
    private static func lines(_ folder: String, _ kind: String) throws -> [String] {
        let root = "\(folder)/data/spool/\(kind)"
        let names = FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? []
        return try names.filter { $0.hasSuffix(".log") }.flatMap {
            try String(contentsOfFile: "\(root)/\($0)", encoding: .utf8).split(separator: "\n").map(
                String.init)
        }
    }

    @Test func anAnswerOfAModelIsOnTheDiskBeforeItIsAnswered() async throws {
        try await withTemporaryFolder { folder in
            try await withTenant([:], in: folder) { server, _ in
                let answer = try await server.send("POST", "/internal/llm-usage", inside, usage)
                #expect(answer.status == 201)
                let id = try #require(try json(answer)["id"] as? String)
                let given = "0199c0de-0000-7000-8000-000000000001"
                let other = usage.replacing(
                    "{\"workspace_id\"", with: "{\"id\":\"\(given)\",\"workspace_id\"")
                let answered = try await server.send("POST", "/internal/llm-usage", inside, other)
                #expect(answered.status == 201)
                let lines = try Self.lines(folder, "usage")
                #expect(lines.count == 2 && lines[0].contains(id) && lines[1].contains(given))
                #expect(lines[0].hasPrefix("1 ") && lines[1].hasPrefix("2 "))
                #expect(lines[0].contains(#""input_tokens":5"#) && lines[0].contains(#""cached_tokens":0"#))
            }
        }
    }

    @Test(arguments: [
        "{}", "[]", #"{"workspace_id":"w","model":"m","provider":"p"}"#,
        #"{"workspace_id":"","model":"m","provider":"p"}"#,
        #"{"workspace_id":"\#(w1)","model":"m","provider":"p","input_tokens":-1}"#,
        #"{"workspace_id":"\#(w1)","model":"m","provider":"p","input_tokens":1000000001}"#,
        #"{"workspace_id":"\#(w1)","model":"m","provider":"p","id":"7"}"#,
        #"{"workspace_id":"\#(w1)","model":"m","provider":"p","occurred_at":"yesterday"}"#,
    ])
    func whatThePlatformWouldNeverTakeIsRefusedHere(body: String) async throws {
        try await withTemporaryFolder { folder in
            try await withTenant([:], in: folder) { server, _ in
                #expect(try await server.send("POST", "/internal/llm-usage", inside, body).status == 400)
                let lines = try Self.lines(folder, "usage")
                #expect(lines.isEmpty)
            }
        }
    }

    /// Nobody comes in through the tunnel, and nobody who does not name the organisation.
    @Test func onlyTheInsideMayTellOfUse() async throws {
        try await withTemporaryFolder { folder in
            try await withTenant([:], in: folder) { server, _ in
                for headers in [
                    [:], ["X-Molecule-Org-Id": "another"],
                    inside.merging(["CF-Connecting-IP": "192.0.2.1"]) { $1 },
                    inside.merging(["X-Forwarded-For": "192.0.2.1"]) { $1 },
                ] {
                    let status = try await server.send("POST", "/internal/llm-usage", headers, usage).status
                    #expect(status == 404)
                }
                let order = #"{"workspace_id":"\#(w1)"}"#
                let outside = ["CF-Ray": "1"]
                #expect(try await server.send("POST", "/registry/register", outside, order).status == 404)
                let lines = try Self.lines(folder, "usage")
                #expect(lines.isEmpty)
            }
        }
    }

    @Test func aSuspendedOrganisationBeginsNothingNewAndStillTellsWhatItUsed() async throws {
        try await withTemporaryFolder { folder in
            let settings = ["MOLECULE_ORG_STATUS": "suspended", "MOLECULE_SUSPENDED_REASON": "abuse"]
            try await withTenant(settings, in: folder) { server, _ in
                try await server.awaitSettings()
                let permission = try await server.send("GET", "/internal/llm-permission", inside)
                #expect(permission.status == 403 && permission.text.contains("abuse"))
                let order = #"{"workspace_id":"\#(w1)"}"#
                #expect(try await server.send("POST", "/registry/register", [:], order).status == 403)
                #expect(try await server.send("POST", "/internal/llm-usage", inside, usage).status == 201)
                #expect(try await server.send("GET", "/version", inside).status == 200)
            }
        }
    }

    @Test func withoutCreditsNoModelIsAskedAndWorkspacesBeginUpToTheirQuota() async throws {
        try await withTemporaryFolder { folder in
            let settings = [
                "MOLECULE_ORG_STATUS": "running", "MOLECULE_LLM_CREDITS_REMAINING": "0",
                "MOLECULE_WORKSPACE_QUOTA": "1",
            ]
            try await withTenant(settings, in: folder) { server, _ in
                try await server.awaitSettings()
                let permission = try await server.send("GET", "/internal/llm-permission", inside)
                #expect(permission.status == 402 && permission.text.contains("credits"))
                let path = "/registry/register"
                for _ in 0..<2 {
                    let first = try await server.send(
                        "POST", path, [:], #"{"workspace_id":"\#(w1)"}"#)
                    #expect(first.status == 200)
                }
                let second = try await server.send(
                    "POST", path, [:], #"{"workspace_id":"\#(w2)"}"#)
                #expect(second.status == 403 && second.text.contains("1 workspaces"))
                let beats = [
                    w1: 204, w2: 404,
                ]
                for (id, status) in beats {
                    let beat = try await server.send(
                        "POST", "/registry/heartbeat", [:], #"{"workspace_id":"\#(id)"}"#)
                    #expect(beat.status == status)
                }
                let lines = try Self.lines(folder, "workspace-events")
                #expect(lines.count == 2)
                #expect(lines[0].contains(#""kind":"created""#) && lines[1].contains(#""kind":"online""#))
                #expect(
                    lines.allSatisfy {
                        $0.contains(#""workspace_id":"\#(w1)""#)
                    })
                // It is removed, and another takes its room.
                for _ in 0..<2 {
                    let gone = try await server.send(
                        "POST", "/registry/remove", [:], #"{"workspace_id":"\#(w1)"}"#)
                    #expect(gone.status == 204)
                }
                let more = try await server.send("POST", path, [:], #"{"workspace_id":"\#(w2)"}"#)
                #expect(more.status == 200)
                let kinds = try Self.lines(folder, "workspace-events").map { line in
                    ["created", "online", "offline", "removed"].first { line.contains(#""kind":"\#($0)""#) }
                }
                #expect(kinds == ["created", "online", "offline", "removed", "created", "online"])
            }
        }
    }
}

@Suite struct StandingTests {
    /// Beyond the grant models go on where that is charged; the state says whether.
    @Test(arguments: [
        (["MOLECULE_LLM_CREDITS_STATE": "exhausted"], false),
        (["MOLECULE_LLM_CREDITS_STATE": "overage", "MOLECULE_LLM_CREDITS_REMAINING": "0"], true),
        (["MOLECULE_LLM_CREDITS_REMAINING": "-5"], false), (["MOLECULE_LLM_CREDITS_REMAINING": "1"], true),
        (["MOLECULE_ORG_STATUS": "suspended", "MOLECULE_LLM_CREDITS_STATE": "ok"], false), ([:], true),
    ])
    func modelsAreAskedWhileThereAreCredits(settings: [String: String], mayAsk: Bool) {
        let standing = Standing(settings)
        #expect((standing.modelRefusal == nil) == mayAsk)
        #expect((standing.refusal == nil) == (settings["MOLECULE_ORG_STATUS"] == nil))
    }
}
