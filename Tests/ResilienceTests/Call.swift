import CurlHTTP
import Foundation
import HTTPTypes
import Hummingbird

/// One request of a control plane to a service, or of an instance to the control plane.
struct Call: Sendable {
    enum Provider: String, Sendable { case aws, cloudflare, stripe, registry, edge, front }

    static let hopByHop: Set<String> = [
        "connection", "content-length", "transfer-encoding", "keep-alive", "expect",
    ]

    let provider: Provider
    let method: String
    /// Within the provider, with the query.
    let path: String
    let headers: [CurlHTTP.HTTPField]
    let body: [UInt8]

    init?(_ request: Request, body: [UInt8]) {
        let target = request.head.path ?? "/"
        let room = target.dropFirst().prefix { $0 != "/" && $0 != "?" }
        switch room {
        case "aws", "cloudflare", "stripe", "edge":
            provider = Provider(rawValue: String(room))!
            path = String(target.dropFirst(room.count + 1))
        case "v2": (provider, path) = (.registry, target)
        case "cp": (provider, path) = (.front, target)
        default: return nil
        }
        method = request.method.rawValue
        var fields = request.headers.filter { !Self.hopByHop.contains($0.name.canonicalName) }
            .map { CurlHTTP.HTTPField($0.name.rawName, $0.value) }
        // A part of AWS's signature.
        if provider == .aws, let host = request.head.authority { fields.append(.init("Host", host)) }
        headers = fields
        self.body = body
    }

    /// - Parameters:
    ///   - cloud: the environment that names the real services.
    ///   - front: URL of the control plane.
    func target(_ cloud: [String: String], front: String?) -> String? {
        switch provider {
        case .aws: cloud["AWS_ENDPOINT_URL"].map { $0 + path }
        case .cloudflare: cloud["CLOUDFLARE_API_URL"].map { $0 + path }
        case .stripe: cloud["STRIPE_API_URL"].map { $0 + path }
        case .registry: cloud["REGISTRY_URL"].map { $0 + path }
        case .edge: cloud["EDGE_URL"].map { $0.replacing("{slug}", with: segments[0]) + pathAfterSlug }
        case .front: front.map { $0 + path }
        }
    }

    /// `service.operation`, the same for every tenant.
    var name: String {
        switch provider {
        case .aws:
            if let target = header("X-Amz-Target") {
                return target.replacing("AmazonSSM.", with: "ssm.").replacing("TrentService.", with: "kms.")
            }
            return "ec2." + (parameter("Action") ?? "unknown")
        case .cloudflare:
            // /accounts/<id>/cfd_tunnel/<id>/token
            let place = segments.dropFirst(2).map { $0.count >= 32 ? ":id" : $0 }
            return "cloudflare.\(method) " + place.joined(separator: "/")
        case .stripe:
            // /v1/subscriptions/sub_123
            let place = segments.dropFirst().map { segment in
                Self.stripeIDs.contains { segment.hasPrefix($0) } ? ":id" : segment
            }
            return "stripe.\(method) " + place.joined(separator: "/")
        case .registry: return "registry.\(method) manifest"
        case .edge: return "edge.\(method) \(segments.last ?? "")"
        case .front: return "front.\(path)"
        }
    }

    /// What ids in the paths of Stripe's API begin with.
    private static let stripeIDs = ["cus_", "sub_", "cs_", "in_", "mtr_"]

    /// The ClientToken of a RunInstances.
    var launchToken: String? {
        provider == .aws && parameter("Action") == "RunInstances" ? parameter("ClientToken") ?? "none" : nil
    }

    private var segments: [String] {
        path.prefix { $0 != "?" }.split(separator: "/").map(String.init)
    }

    private var pathAfterSlug: String { "/" + segments.dropFirst().joined(separator: "/") }

    private func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    private func parameter(_ name: String) -> String? {
        String(decoding: body, as: UTF8.self).split(separator: "&")
            .first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}
