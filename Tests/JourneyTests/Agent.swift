import Foundation
import TenantProtocol
import TestSupport

extension LocalStack {
    func tenantURL(_ slug: String) -> String {
        self["EDGE_URL"].replacingOccurrences(of: "{slug}", with: slug)
    }

    /// As instances reach it.
    var registry: String { String(self["REGISTRY_URL"].drop { $0 != ":" }.dropFirst(3)) }

    /// `registry/repository@sha256:...` of an image that `scripts/images/stack` pushed.
    func image(_ repository: String, _ tag: String) throws -> String {
        let name = "DIGEST_\(repository)_\(tag)".uppercased().replacingOccurrences(of: "-", with: "_")
        let lines = try String(contentsOfFile: self["CACHE_DIR"] + "/images.env", encoding: .utf8)
            .split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("\(name)=") }),
            let digest = line.split(separator: "=").last?.split(separator: " ").first
        else { throw JourneyError("\(repository):\(tag) was not pushed") }
        return "\(registry)/\(repository)@\(digest)"
    }

    /// A shell command on an instance.
    @discardableResult
    func inside(_ instance: String, _ command: String) async throws -> String {
        try await docker("exec", instance, "sh", "-c", command)
    }

    /// The JSON line that the agent prints, whatever its exit status.
    func agent<Value: Decodable>(_ instance: String, _ arguments: [String]) async throws -> Value {
        let words = arguments.map { "'\($0)'" }.joined(separator: " ")
        let output = try await inside(instance, "/usr/local/bin/tenant-agent \(words) 2>&1; true")
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
            throw JourneyError("tenant-agent \(words): \(output)")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(line.utf8))
        } catch {
            throw JourneyError("tenant-agent \(words): \(output)")
        }
    }

    func agentRedeploy(_ instance: String, _ arguments: [String]) async throws -> RedeployReport {
        try await agent(instance, ["redeploy"] + arguments)
    }
}
