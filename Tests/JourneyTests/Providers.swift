import AWSSigV4
import CurlHTTP
import Foundation

/// What a tenant leaves at the providers, counted there and not in the platform's own books.
struct Traces: Sendable, Equatable {
    var instances = 0
    var tunnels = 0
    var records = 0
    var containers = 0

    /// What one tenant adds.
    static let oneTenant = Traces(instances: 1, tunnels: 1, records: 1, containers: 1)

    static func + (a: Traces, b: Traces) -> Traces {
        Traces(
            instances: a.instances + b.instances, tunnels: a.tunnels + b.tunnels,
            records: a.records + b.records, containers: a.containers + b.containers)
    }
}

extension LocalStack {
    /// Everything in the account but what has been terminated.
    func traces() async throws -> Traces {
        let living = ["pending", "running", "shutting-down", "stopping", "stopped"]
        let described = try await ec2("Action=DescribeInstances&Version=2016-11-15")
        let account = "accounts/\(self["CLOUDFLARE_ACCOUNT_ID"])/cfd_tunnel?is_deleted=false"
        return Traces(
            instances: living.reduce(0) {
                $0 + described.components(separatedBy: "<name>\($1)</name>").count - 1
            },
            tunnels: try await cloudflareCount(account),
            records: try await cloudflareCount("zones/\(self["CLOUDFLARE_ZONE_ID"])/dns_records"),
            containers: try await containers().count)
    }

    /// The instances' containers on the host.
    func containers() async throws -> [String] {
        try await docker("ps", "-aq", "--filter", "label=localcloud=\(self["STACK_NAME"])")
            .split(separator: "\n").map(String.init)
    }

    func ec2(_ query: String) async throws -> String {
        let url = self["AWS_ENDPOINT_URL"]
        let fields = [
            HTTPField("Host", String(url.split(separator: "/").last ?? "")),
            HTTPField("Content-Type", "application/x-www-form-urlencoded"),
        ]
        return try await signed("ec2", url, fields, query)
    }

    /// Every command that SSM was ever given, with its text and output.
    func ssmHistory() async throws -> String {
        let url = self["AWS_ENDPOINT_URL"]
        let fields = [
            HTTPField("Host", String(url.split(separator: "/").last ?? "")),
            HTTPField("Content-Type", "application/x-amz-json-1.1"),
            HTTPField("X-Amz-Target", "AmazonSSM.ListCommandInvocations"),
        ]
        return try await signed("ssm", url, fields, #"{"Details":true}"#)
    }

    private func signed(
        _ service: String, _ url: String, _ fields: [HTTPField], _ body: String
    ) async throws -> String {
        let credentials = Credentials(
            accessKeyID: self["AWS_ACCESS_KEY_ID"], secretAccessKey: self["AWS_SECRET_ACCESS_KEY"])
        let signature = try Signer(credentials: credentials, region: self["AWS_REGION"], service: service)
            .sign(
                SigningRequest(
                    method: "POST", headers: fields.map { SigningHeader($0.name, $0.value) },
                    body: Array(body.utf8)),
                at: SigningDate(unixSeconds: Int(Date().timeIntervalSince1970)))
        let all = fields + signature.headers.map { HTTPField($0.name, $0.value) }
        let response = try await http.send(
            HTTPRequest("POST", url + "/", headers: all, body: Array(body.utf8)))
        guard response.status == 200 else { throw JourneyError("\(service): \(response.text)") }
        return response.text
    }

    private func cloudflareCount(_ path: String) async throws -> Int {
        let field = HTTPField("Authorization", "Bearer \(self["CLOUDFLARE_API_TOKEN"])")
        let answer = Answer(
            try await http.send(HTTPRequest("GET", self["CLOUDFLARE_API_URL"] + "/" + path, headers: [field]))
        )
        guard answer.status == 200, let result = answer.json["result"] as? [Any] else {
            throw JourneyError("Cloudflare: \(answer.status) \(answer.json)")
        }
        return result.count
    }
}
