import CurlHTTP
import Synchronization

/// Carries a hostname to the tenant whose connector is registered under the tunnel that DNS names.
final class SimulatedEdge: Sendable {
    /// The connector's token, by the hostname's first label.
    private let connectors = Mutex<[String: String]>([:])

    func connect(_ slug: String, token: String) { connectors.withLock { $0[slug] = token } }
    func disconnect(_ slug: String) { connectors.withLock { $0[slug] = nil } }

    func handle(_ call: ProviderCall, _ cloudflare: SimulatedCloudflare) -> HTTPResponse {
        let words = call.request.url.split(separator: "/")
        let host = words.count > 1 ? String(words[1]) : ""
        let slug = String(host.prefix { $0 != "." })
        guard let token = connectors.withLock({ $0[slug] }), cloudflare.leads(host, toTunnelOf: token) else {
            return .text(530, "simulated")
        }
        return .text(200, "ok")
    }
}
