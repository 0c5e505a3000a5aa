import DurableFiles
import Glibc

/// molecule-tenant's variables, each of which may lie in a file that `NAME_FILE` names. Without those of
/// the platform the tenant works on its own.
struct Configuration: Sendable {
    /// `DATABASE_URL`: libpq URL of the tenant's Postgres. Required.
    var databaseURL: String
    /// `REDIS_URL`: `redis://[:password@]host[:port]`. Required.
    var redis: RedisAddress
    /// `MEMORY_PLUGIN_URL`, without a trailing slash. Required.
    var memoryPluginURL: String
    /// `WORKSPACE_LISTEN`, default `0.0.0.0:8080`.
    var host = "0.0.0.0"
    var port = 8080
    /// `MOLECULE_ORG_ID`: requests must name it; nil turns the guard off (self-hosted).
    var orgID: String?
    /// `CP_UPSTREAM_URL`: where the allowed `/cp/` paths go; nil refuses them all.
    var upstreamURL: String?
    /// `MOLECULE_CP_URL`, with `ADMIN_TOKEN`: where the configuration is refreshed from.
    var platform: Platform?
    /// `CONFIG_REFRESH_SECONDS`, 5 to 86,400, default 300.
    var refreshSeconds = 300
    /// `WORKSPACE_DATA`: a folder of this server's own that outlives its container, without a trailing slash.
    /// nil: nothing is kept, and no use of models is recorded.
    var dataFolder: String?
    /// `WORKSPACE_DRAIN_IDLE_SECONDS`, 0 to 300, default 5: after SIGTERM, how long an idle connection may
    /// stay that no answer has told to close.
    var drainIdleSeconds = 5
    /// `IMAGE_VERSION`, set by the image.
    var version = "unknown"
    /// `MOLECULE_IMAGE_DIGEST`, set by the agent.
    var imageDigest: String?

    struct Platform: Sendable {
        var url: String
        var orgID: String
        var adminToken: String
    }

    struct Invalid: Error, CustomStringConvertible {
        var problems: [String]

        var description: String { problems.joined(separator: "\n") }
    }

    init(databaseURL: String, redis: RedisAddress, memoryPluginURL: String) {
        self.databaseURL = databaseURL
        self.redis = redis
        self.memoryPluginURL = memoryPluginURL
    }

    /// - Throws: `Invalid` with everything that is missing or malformed
    init(_ environment: @escaping (String) -> String? = variable) throws(Invalid) {
        var environment = FileVariables(environment)
        var problems: [String] = []
        databaseURL = environment("DATABASE_URL") ?? ""
        if databaseURL.isEmpty { problems.append("DATABASE_URL is missing") }
        memoryPluginURL = environment("MEMORY_PLUGIN_URL") ?? ""
        if !memoryPluginURL.hasPrefix("http") { problems.append("MEMORY_PLUGIN_URL is missing or no URL") }
        let address = environment("REDIS_URL").flatMap(RedisAddress.init(url:))
        if address == nil { problems.append("REDIS_URL is missing or no redis:// URL") }
        redis = address ?? RedisAddress(host: "", port: 0, password: nil)
        readListen(environment("WORKSPACE_LISTEN"), &problems)
        readPlatform(&environment, &problems)
        if let text = environment("WORKSPACE_DRAIN_IDLE_SECONDS") {
            if let seconds = Int(text), (0...300).contains(seconds) {
                drainIdleSeconds = seconds
            } else {
                problems.append("WORKSPACE_DRAIN_IDLE_SECONDS is not a number from 0 to 300")
            }
        }
        dataFolder = environment("WORKSPACE_DATA")
        version = environment("IMAGE_VERSION") ?? version
        imageDigest = environment("MOLECULE_IMAGE_DIGEST")
        problems += environment.problems
        if !problems.isEmpty { throw Invalid(problems: problems) }
    }

    private mutating func readListen(_ text: String?, _ problems: inout [String]) {
        guard let text else { return }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let port = Int(parts[1]), (1...65535).contains(port) else {
            return problems.append("WORKSPACE_LISTEN is not HOST:PORT")
        }
        host = String(parts[0])
        self.port = port
    }

    private mutating func readPlatform(_ environment: inout FileVariables, _ problems: inout [String]) {
        orgID = environment("MOLECULE_ORG_ID")
        upstreamURL = environment("CP_UPSTREAM_URL")
        if let text = environment("CONFIG_REFRESH_SECONDS") {
            if let seconds = Int(text), (5...86_400).contains(seconds) {
                refreshSeconds = seconds
            } else {
                problems.append("CONFIG_REFRESH_SECONDS is not a number from 5 to 86400")
            }
        }
        guard let url = environment("MOLECULE_CP_URL") else { return }
        guard let orgID, let adminToken = environment("ADMIN_TOKEN") else {
            return problems.append("MOLECULE_CP_URL needs MOLECULE_ORG_ID and ADMIN_TOKEN beside it")
        }
        platform = Platform(url: url, orgID: orgID, adminToken: adminToken)
    }
}

private func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
