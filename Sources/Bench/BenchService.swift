import Foundation

/// A control plane of its own for one measurement. Its providers answer nothing: none is asked.
struct BenchService {
    let url: String
    /// From the start of the process to its first 200.
    let startMilliseconds: Double
    private let process: Process
    private let folder: URL

    /// - Parameter settings: variables beside the usual ones, or instead of them.
    static func start(
        _ program: String, databaseURL: String, settings: [String: String] = [:]
    ) async throws -> BenchService {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        _ = try runTool(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=bench",
                "-out", folder.appending(path: "cert.pem").path,
            ])
        let port = try freePort()
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["serve"]
        process.environment = environment(databaseURL, port: port, folder: folder)
            .merging(settings) { $1 }
        let log = folder.appending(path: "log")
        try Data().write(to: log)
        process.standardError = try FileHandle(forWritingTo: log)
        let begin = ContinuousClock.now
        try process.run()
        let url = "http://127.0.0.1:\(port)"
        while (try? runTool("curl", ["--silent", "--fail", "--noproxy", "*", "\(url)/health"])) == nil {
            guard process.isRunning, ContinuousClock.now - begin < .seconds(20) else {
                throw BenchError(
                    "\(program) did not answer:\n" + ((try? String(contentsOf: log, encoding: .utf8)) ?? ""))
            }
        }
        return BenchService(
            url: url, startMilliseconds: (ContinuousClock.now - begin) / .milliseconds(1), process: process,
            folder: folder)
    }

    func stop() async throws {
        process.terminate()
        process.waitUntilExit()
        try FileManager.default.removeItem(at: folder)
    }

    /// Source: proc(5), /proc/PID/status.
    func memoryMebibytes() throws -> (resident: Double, anonymous: Double) {
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        func mebibytes(_ label: String) -> Double {
            status.split(separator: "\n").first { $0.hasPrefix(label) }
                .flatMap {
                    Double(
                        $0.dropFirst(label.count).split(separator: " ").first?.trimmingCharacters(
                            in: .whitespaces) ?? "")
                }
                .map { $0 / 1_024 } ?? .nan
        }
        return (mebibytes("VmRSS:\t"), mebibytes("RssAnon:\t"))
    }

    private static func environment(_ databaseURL: String, port: Int, folder: URL) -> [String: String] {
        let nowhere = "http://127.0.0.1:9"
        return [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "LOG_LEVEL": "error",
            "DATABASE_URL": databaseURL, "CP_LISTEN": "127.0.0.1:\(port)",
            "CP_ADMIN_API_TOKEN": UUID().uuidString, "PROVISION_SHARED_SECRET": UUID().uuidString,
            "SECRETS_ENCRYPTION_KEY": Data(repeating: 1, count: 32).base64EncodedString(),
            "CP_PUBLIC_URL": "https://bench.invalid", "TENANT_DOMAIN": "bench.invalid",
            "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_ENDPOINT_URL": nowhere, "CLOUDFLARE_API_URL": nowhere, "CLOUDFLARE_API_TOKEN": "bench",
            "CLOUDFLARE_ACCOUNT_ID": "bench", "CLOUDFLARE_ZONE_ID": "bench", "EC2_AMI_ID": "ami-bench",
            "EC2_SUBNET_ID": "subnet-bench", "EC2_SECURITY_GROUP_ID": "sg-bench",
            "EC2_IDENTITY_CERT_FILE": folder.appending(path: "cert.pem").path, "REGISTRY_URL": nowhere,
            "TENANT_AGENT_URL": nowhere + "/agent", "TENANT_AGENT_SHA256": String(repeating: "0", count: 64),
        ]
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard bound == 0 else { throw BenchError("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
