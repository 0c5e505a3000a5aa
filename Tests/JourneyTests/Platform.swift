import CurlHTTP
import Foundation
import TestSupport
import Testing

/// An answer of the control plane or of a tenant.
struct Answer: @unchecked Sendable {
    let status: Int
    let json: [String: Any]

    init(_ response: HTTPResponse) {
        status = response.status
        json = (try? JSONSerialization.jsonObject(with: Data(response.body))) as? [String: Any] ?? [:]
    }

    subscript(_ name: String) -> String? { json[name] as? String }
}

extension LocalStack {
    /// A call by the operator. One hour's patience for nobody: 60 s.
    @discardableResult
    func platform(_ method: String, _ path: String, _ body: [String: String]? = nil) async throws -> Answer {
        var request = operatorRequest(method, path)
        if let body {
            request.headers.append(HTTPField("Content-Type", "application/json"))
            request.body = Array(try JSONEncoder().encode(body))
        }
        return Answer(try await http.send(request))
    }

    @discardableResult
    func platform(_ method: String, _ path: String, json: String) async throws -> Answer {
        var request = operatorRequest(method, path)
        request.headers.append(HTTPField("Content-Type", "application/json"))
        request.body = Array(json.utf8)
        return Answer(try await http.send(request))
    }

    /// Asks again while there is no answer: somebody kills control planes.
    func patiently(_ method: String, _ path: String) async throws -> Answer {
        var last: (any Error)?
        for _ in 0..<100 {
            do {
                let answer = try await platform(method, path)
                if answer.status < 500 { return answer }
            } catch {
                last = error
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw last ?? JourneyError("\(method) \(path) was never answered")
    }

    /// The body as it came.
    func text(_ path: String) async throws -> String {
        try await http.send(operatorRequest("GET", path)).text
    }

    private func operatorRequest(_ method: String, _ path: String) -> HTTPRequest {
        var request = HTTPRequest(method, self["CP_URL"] + path)
        request.timeout = .seconds(60)
        request.headers = [HTTPField("Authorization", "Bearer \(self["CP_ADMIN_API_TOKEN"])")]
        return request
    }

    /// What a tenant asks of the platform.
    func asTenant(_ path: String, token: String, org: String) async throws -> Answer {
        var request = HTTPRequest("GET", self["CP_URL"] + path)
        request.headers = [
            HTTPField("Authorization", "Bearer \(token)"), HTTPField("X-Molecule-Org-Id", org),
        ]
        return Answer(try await http.send(request))
    }

    /// Whether an answer of any kind comes: false while nothing listens.
    func tenant(_ slug: String, _ path: String, org: String? = nil) async throws -> Answer {
        let base = self["EDGE_URL"].replacingOccurrences(of: "{slug}", with: slug)
        var request = HTTPRequest("GET", base + path)
        if let org { request.headers = [HTTPField("X-Molecule-Org-Id", org)] }
        return Answer(try await http.send(request))
    }

    /// Through the edge; a failure shows which of the tenant's checks it was.
    func expectHealthy(_ slug: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await tenant(slug, "/health")
        #expect(answer.status == 200, "\(answer.status) \(answer.json)", sourceLocation: sourceLocation)
    }

    func tenantMetrics(_ slug: String) async throws -> String {
        try await http.send(HTTPRequest("GET", tenantURL(slug) + "/metrics")).text
    }

    func create(_ slug: String) async throws -> String {
        let answer = try await platform(
            "POST", "/cp/admin/orgs", ["slug": slug, "name": "Journey", "owner_user_id": "journey"])
        guard answer.status == 201, let id = answer["id"] else {
            throw JourneyError("creating \(slug): \(answer.status) \(answer.json)")
        }
        return id
    }

    /// Waits until the organisation runs; a failure is told with its reason.
    func awaitRunning(_ slug: String) async throws {
        try await eventually("\(slug) to run", within: .seconds(300)) {
            let answer = try await platform("GET", "/cp/admin/orgs/\(slug)/provision-status")
            guard answer["status"] != "failed" else { throw JourneyError("\(slug) failed: \(answer.json)") }
            return answer["status"] == "running"
        }
    }

    /// - Returns: the outcome of a redeploy that the platform has accepted.
    func redeploy(_ slug: String, to tag: String) async throws -> Answer {
        let begun = try await platform(
            "POST", "/cp/admin/tenants/\(slug)/redeploy", ["target_tag": tag])
        guard begun.status == 202, let id = begun["redeploy_id"] else {
            throw JourneyError("redeploy to \(tag): \(begun.status) \(begun.json)")
        }
        var outcome = begun
        try await eventually("the redeploy to \(tag) to end", within: .seconds(180)) {
            outcome = try await platform("GET", "/cp/admin/tenants/\(slug)/redeploys/\(id)")
            return !["sending", "running"].contains(outcome["phase"] ?? "sending")
        }
        return outcome
    }

    /// Deletes, as often as it takes; a delete may answer before the last step is done.
    /// - Parameter isErasure: keeps nothing, whatever the plan says.
    func delete(_ slug: String, isErasure: Bool = false) async throws {
        try await eventually("\(slug) to be purged", within: .seconds(120)) {
            let answer = try await platform(
                "DELETE", "/cp/admin/tenants/\(slug)",
                json: #"{"confirm":"\#(slug)","erase":\#(isErasure)}"#)
            return answer["status"] == "purged" || answer.status == 404
        }
    }
}
