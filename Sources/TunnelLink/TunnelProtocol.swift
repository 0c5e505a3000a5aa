/// How the local tunnel connector and the local edge speak: one JSON object a line, then raw bytes.
///
/// 1. The connector dials and says who it is: `{"tunnel":..., "secret":..., "connector":...}`.
/// 2. The edge answers `{"ok":true}`, or `{"ok":false,"error":...}` and closes.
/// 3. While idle the edge sends `ping` lines and the connector answers each with a `pong` line.
/// 4. The edge sends `{"service":"http://host:port"}`; the connector dials it and answers as in 2.
/// 5. From then on the connection carries the service's bytes, both ways, until either side ends.
package enum TunnelProtocol {
    package static let maximumLine = 4096
    package static let ping = "ping"
    package static let pong = "pong"
    /// The edge pings this often, in seconds; a side that heard nothing for three times as long hangs up.
    package static let pingSeconds = 5

    package struct Hello: Codable, Sendable {
        package var tunnel: String
        package var secret: String
        package var connector: String
        package init(tunnel: String, secret: String, connector: String) {
            self.tunnel = tunnel
            self.secret = secret
            self.connector = connector
        }
    }

    package struct Dial: Codable, Sendable {
        package var service: String
        package init(service: String) { self.service = service }
    }

    package struct Reply: Codable, Sendable {
        package var ok: Bool
        package var error: String?
        package init(ok: Bool, error: String? = nil) {
            self.ok = ok
            self.error = error
        }
    }

    /// What TUNNEL_TOKEN holds, base64 JSON: cloudflared's own three members, and where to dial.
    package struct Token: Codable, Sendable {
        package var account: String
        package var tunnel: String
        package var secret: String
        package var edge: String

        package enum CodingKeys: String, CodingKey {
            case account = "a"
            case tunnel = "t"
            case secret = "s"
            case edge = "e"
        }
    }
}
