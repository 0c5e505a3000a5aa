import Foundation

/// WebSocket clients of an independent library, which talk until they are stopped and then say what they saw.
package struct WebSocketClients: Sendable {
    package struct Report: Decodable, Sendable {
        /// What came back as it was sent.
        package var echoes: Int
        package var wrong: Int
        /// By close code; 1006 for a connection that ended without one.
        package var closes: [String: Int]
        package var connections: Int
        /// Clients that found nobody for 5 s.
        package var failures: [String]
    }

    private let process: ChildProcess

    private struct Order: Encodable {
        var url: String
        var port: Int
        var ca: String?
        var org: String?
        var clients: Int
        var pause: Double

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(url, forKey: .url)
            try values.encode(port, forKey: .port)
            try values.encode(ca, forKey: .ca)
            try values.encode(org, forKey: .org)
            try values.encode(clients, forKey: .clients)
            try values.encode(pause, forKey: .pause)
        }

        enum CodingKeys: String, CodingKey { case url, port, ca, org, clients, pause }
    }

    /// - Parameters:
    ///   - url: its port is dialled on 127.0.0.1
    ///   - caFile: for `wss`
    package init(_ url: String, caFile: String? = nil, org: String? = nil, count: Int = 1) async throws {
        let port = URLComponents(string: url)?.port ?? 443
        let order = Order(url: url, port: port, ca: caFile, org: org, clients: count, pause: 0.05)
        let python = try Oracle.environment.get() + "/bin/python"
        process = try ChildProcess(
            python,
            [
                Oracle.repository + "/Tests/oracles/websocket_clients.py",
                String(decoding: try JSONEncoder().encode(order), as: UTF8.self),
            ])
        try await process.waitForOutput("started")
    }

    package func stop() async throws -> Report {
        process.signal(SIGTERM)
        try await process.wait(within: .seconds(30))
        try await eventually("the clients' report") { process.collectedOutput.contains("}\n") }
        let line = process.collectedOutput.split(separator: "\n").last ?? ""
        return try JSONDecoder().decode(Report.self, from: Data(line.utf8))
    }
}
