import AWSSigV4
import CurlHTTP
import Foundation
import Postgres
import TestSupport

/// A tenant that runs, and is put right: by a person's order, and by the reconciler.
extension Story {
    static let repair = Story(
        name: "repair", prepare: { try await $0.provision() }, act: { try await $0.repair() },
        broken: { scene, _ in
            let failed = try await scene.rows(
                "workflows WHERE kind = 'repair_tenant' AND state <> 'succeeded'")
            let other = failed == 0 ? [] : ["\(failed) repairs did not succeed"]
            return try await scene.brokenWhileRunning() + other
        })

    /// The instance is stopped, the DNS record is gone, and a second instance belongs to nobody.
    static let reconcile = Story(
        name: "reconcile",
        settings: [
            "RECONCILE_INTERVAL_SECONDS": "0", "RECONCILE_GRACE_SECONDS": "0",
            "RECONCILE_MAX_DELETE_PERCENT": "100",
        ],
        prepare: { scene in
            let credential = try await scene.provision()
            try await scene.drift()
            return credential
        },
        act: { try await $0.reconcile() },
        broken: { scene, _ in
            let open = try await scene.rows("reconciler_findings WHERE resolved_at IS NULL")
            let other = open == 0 ? [] : ["\(open) findings are open"]
            return try await scene.brokenWhileRunning(created: 2) + other
        })

    /// An order that does not wait for the window.
    static let resize = Story(
        name: "resize", prepare: { try await $0.provision() }, act: { try await $0.resize() },
        broken: { scene, _ in
            let settled = try await scene.rows(
                "tenants WHERE instance_type = 't3.large' AND resize_id IS NULL AND vcpus = 2")
            let other = settled == 1 ? [] : ["the tenant's row is not settled"]
            return try await scene.brokenWhileRunning() + other + scene.brokenType("t3.large")
        })
}

extension Scene {
    /// Orders a repair, and waits for its end.
    fileprivate func repair() async throws {
        let order = try await ask("POST", "/cp/admin/tenants/\(slug)/repair")
        guard order.status == 202 || order["code"] == "repair_in_progress" else {
            throw TestSupportError("the repair was answered \(order)")
        }
        try await awaitQuiet()
    }

    /// Orders another type, and waits until the instance has it.
    fileprivate func resize() async throws {
        let path = "/cp/admin/tenants/\(slug)/instance-type"
        let order = try await ask("POST", path, #"{"instance_type":"t3.large","now":true}"#)
        // An order whose answer was lost is there already.
        guard [200, 202].contains(order.status) else {
            throw TestSupportError("the order was answered \(order)")
        }
        try await eventually("the type", within: Self.patience) {
            let rows = try await database.pool.query("SELECT phase, error FROM resizes")
            let phases = try rows.map { try $0["phase", as: String.self] }
            if let bad = phases.first(where: { ["kept", "failed", "cancelled"].contains($0) }) {
                throw TestSupportError(
                    "it ended as \(bad): \(try rows[0]["error", as: String?.self] ?? "")")
            }
            return phases == ["changed"]
        }
    }

    fileprivate func brokenType(_ type: String) async throws -> [String] {
        let held = try await cloud.holdings(org: try await orgID(), slug: slug)
        let types = held.living.map(\.type)
        return types == [type] ? [] : ["the instances are \(types)"]
    }

    /// Younger things are left alone by a reconciler: a look, and PROVIDER_VISIBILITY_SECONDS.
    private static let settling: Duration = .seconds(2)

    fileprivate func drift() async throws {
        let org = try await orgID()
        let held = try await cloud.holdings(org: org, slug: slug)
        try await launchOrphan(org)
        try await cloud.operate("PUT", "instances/\(held.instances[0].id)", #"{"state":"stop"}"#)
        try await cloud.operate("DELETE", "records/\(held.records[0].id)")
        try await Task.sleep(for: Self.settling)
    }

    /// Compares and repairs until there is nothing left to do: one run quarantines and mends, one deletes,
    /// one finds nothing.
    fileprivate func reconcile() async throws {
        try await eventually("rows and cloud that agree", within: Self.patience * 2) {
            let answer = try await ask("POST", "/cp/admin/reconcile", #"{"dry_run":false}"#)
            let findings = try? JSONDecoder().decode(Findings.self, from: answer.body).findings.count
            // A look that took long leaves alone what began shortly before it.
            let living = try await cloud.holdings(org: try await orgID(), slug: slug).living.count
            if answer.status == 200, findings == 0, living == 1 { return true }
            // The reconciler leaves alone what a workflow is at work on, and what changed just now.
            try await awaitQuiet()
            try await Task.sleep(for: Self.settling)
            return false
        }
    }

    private struct Findings: Decodable {
        struct Finding: Decodable {}
        var findings: [Finding]
    }

    /// An instance with the tenant's tags that no workflow has launched.
    private func launchOrphan(_ org: String) async throws {
        let tags = [
            "molecule:platform": slug, "molecule:org-id": org, "molecule:org-slug": slug,
            "molecule:launch-id": UUID().uuidString.lowercased(),
        ]
        var form = [
            ("Action", "RunInstances"), ("Version", "2016-11-15"), ("MinCount", "1"), ("MaxCount", "1"),
            ("ImageId", "ami-0123456789abcdef0"), ("InstanceType", "t3.medium"),
            ("SubnetId", cloud.environment["EC2_SUBNET_ID"] ?? ""),
            ("TagSpecification.1.ResourceType", "instance"),
        ]
        for (index, tag) in tags.sorted(by: { $0.key < $1.key }).enumerated() {
            form.append(("TagSpecification.1.Tag.\(index + 1).Key", tag.key))
            form.append(("TagSpecification.1.Tag.\(index + 1).Value", tag.value))
        }
        let answer = try await cloud.ec2(form)
        guard answer.status == 200 else { throw TestSupportError("the orphan: \(answer)") }
    }
}

extension SharedCloud {
    /// A call of EC2's Query API, signed as the control plane signs.
    func ec2(_ form: [(String, String)]) async throws -> Answer {
        let url = environment["AWS_ENDPOINT_URL"] ?? ""
        let plain = CharacterSet(charactersIn: "-._~").union(.alphanumerics)
        let body = Array(
            form.map { "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: plain) ?? "")" }
                .joined(separator: "&").utf8)
        let fields = [
            ("Host", url.replacing("http://", with: "")),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
        ]
        let example = try ExampleEnvironment.make()
        let signer = Signer(
            credentials: Credentials(
                accessKeyID: example["AWS_ACCESS_KEY_ID"] ?? "",
                secretAccessKey: example["AWS_SECRET_ACCESS_KEY"] ?? ""),
            region: example["AWS_REGION"] ?? "", service: "ec2")
        let signature = try signer.sign(
            SigningRequest(
                method: "POST", headers: fields.map { SigningHeader($0.0, $0.1) }, body: body),
            at: SigningDate(unixSeconds: Int(Date().timeIntervalSince1970)))
        let headers =
            fields.map { HTTPField($0.0, $0.1) } + signature.headers.map { HTTPField($0.name, $0.value) }
        return Answer(try await http.send(HTTPRequest("POST", url + "/", headers: headers, body: body)))
    }
}
