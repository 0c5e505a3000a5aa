import CurlHTTP
import Foundation

/// One request of the platform, as the simulated network reads it.
struct ProviderCall: Sendable {
    enum Service: String, Sendable { case ec2, ssm, cloudflare, registry, edge, unknown }

    var service: Service
    var operation: String
    var request: HTTPRequest
    /// The path without its query, and the parameters of the query or the posted form.
    var path: String
    var parameters: [String: String]

    init(_ request: HTTPRequest) {
        self.request = request
        let url = request.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
        let host = url.count > 1 ? String(url[1].prefix { $0 != "/" }) : ""
        let rest = url.count > 2 ? "/" + url[2] : "/"
        let parts = rest.split(separator: "?", maxSplits: 1)
        path = String(parts.first ?? "/")
        service = Self.service(host)
        let form =
            service == .ec2
            ? String(decoding: request.body, as: UTF8.self) : String(parts.dropFirst().first ?? "")
        parameters = Self.decode(form)
        operation = "\(request.method) \(path)"
        operation = name
    }

    /// `ec2.RunInstances`
    var label: String { "\(service.rawValue).\(operation)" }

    private static func service(_ host: String) -> Service {
        switch host {
        case "api.cloudflare.com": .cloudflare
        case SimulatedPlatform.registryHost: .registry
        case let host where host.hasPrefix("ssm.") && host.hasSuffix(".amazonaws.com"): .ssm
        case let host where host.hasSuffix(".amazonaws.com"): .ec2
        case let host where host.hasSuffix(".\(SimulatedPlatform.tenantDomain)"): .edge
        default: .unknown
        }
    }

    /// The API's name of the operation, whatever it is about.
    private var name: String {
        switch service {
        case .ec2: return parameters["Action"] ?? "none"
        case .ssm:
            let target = request.headers.first { $0.name.lowercased() == "x-amz-target" }?.value
            return target?.split(separator: ".").last.map(String.init) ?? "none"
        case .registry: return "manifest"
        case .edge: return path == "/health" ? "health" : "push"
        case .unknown: return "unknown"
        case .cloudflare:
            let words = path.split(separator: "/")
            let kind =
                words.contains("cfd_tunnel") ? "tunnel" : words.contains("dns_records") ? "dns" : "other"
            let last = words.last.map(String.init) ?? ""
            let detail = ["token", "configurations", "connections"].contains(last) ? ".\(last)" : ""
            return "\(request.method) \(kind)\(detail)"
        }
    }

    /// What the call is about, for the trace: ids that the seed decides, never a secret.
    var subject: String {
        switch service {
        case .ec2:
            parameters["ClientToken"] ?? parameters["InstanceId.1"] ?? parameters["Filter.1.Value.1"] ?? ""
        default: path + (parameters["name"].map { "?\($0)" } ?? "")
        }
    }

    /// Of a RunInstances, what the instance is to carry.
    var launchTags: [String: String] {
        var tags: [String: String] = [:]
        for number in 1...50 {
            guard let key = parameters["TagSpecification.1.Tag.\(number).Key"] else { break }
            tags[key] = parameters["TagSpecification.1.Tag.\(number).Value"] ?? ""
        }
        return tags
    }

    private static func decode(_ form: String) -> [String: String] {
        var decoded: [String: String] = [:]
        for pair in form.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard let name = halves.first.flatMap(text) else { continue }
            decoded[name] = halves.count > 1 ? text(halves[1]) ?? "" : ""
        }
        return decoded
    }

    private static func text(_ encoded: Substring) -> String? {
        encoded.replacing("+", with: " ").removingPercentEncoding
    }
}

extension HTTPResponse {
    static func text(_ status: Int, _ body: String, _ headers: [HTTPField] = []) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: Array(body.utf8))
    }
}
