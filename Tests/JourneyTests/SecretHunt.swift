import Foundation
import Synchronization

/// Looks for secrets where none may be: argument lists while the journey goes on, and texts after it.
final class SecretHunt: Sendable {
    private let argumentLists = Mutex<Set<String>>([])

    /// Collects the argument list of every process on the machine, those of the instances too, until
    /// cancelled.
    func watchArguments() async {
        while !Task.isCancelled {
            let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            for process in processes where process.first?.isNumber == true {
                guard let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline"),
                    !data.isEmpty
                else { continue }
                let text = String(decoding: data.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
                argumentLists.withLock { _ = $0.insert(text) }
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    var arguments: String { argumentLists.withLock { $0.sorted().joined(separator: "\n") } }
}

extension LocalStack {
    /// The platform's own secrets, by name.
    var platformSecrets: [String: String] {
        let names = [
            "CP_ADMIN_API_TOKEN", "AWS_SECRET_ACCESS_KEY", "CLOUDFLARE_API_TOKEN", "PROVISION_SHARED_SECRET",
        ]
        var secrets = environment.filter { names.contains($0.key) }
        for name in ["DATABASE_URL", "DATABASE_OWNER_URL"] {
            secrets["password of \(name)"] = URLComponents(string: self[name])?.password
        }
        return secrets
    }

    /// A tenant's secrets, as its instance keeps them.
    func tenantSecrets(in container: String) async throws -> [String: String] {
        let text = try await docker("exec", container, "cat", "/etc/molecule/secrets.json")
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
        return object.compactMapValues { $0 as? String }.filter { $0.value.count >= 16 }
    }

    /// Logs of every process of the stack, by file.
    func logs() throws -> [String: String] {
        let folder = self["LOCAL_DIR"] + "/log"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        return files.reduce(into: [:]) { result, file in
            let data = FileManager.default.contents(atPath: folder + "/" + file) ?? Data()
            result["log \(file)"] = String(decoding: data, as: UTF8.self)
        }
    }
}

/// `name of the secret in name of the place`, for each secret that a place holds. Never the secret itself.
func findings(of secrets: [String: String], in places: [String: String]) -> [String] {
    places.flatMap { place, text in
        secrets.filter { text.contains($0.value) }.map { "\($0.key) in \(place)" }
    }
    .sorted()
}
