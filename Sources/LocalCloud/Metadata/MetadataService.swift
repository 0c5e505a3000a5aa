import Digests
import Glibc
import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// IMDSv2 for every instance, told apart by source address.
/// Source: EC2 user guide, "Use the Instance Metadata Service".
struct MetadataService: Sendable {
    /// Seconds: six hours, the longest life of a token.
    static let maximumTokenLife = 21_600

    let fleet: Fleet
    let identity: IdentityAuthority
    let region: String
    let accountID: String
    private let tokens = MetadataTokens()

    init(fleet: Fleet, identity: IdentityAuthority, region: String, accountID: String) {
        self.fleet = fleet
        self.identity = identity
        self.region = region
        self.accountID = accountID
    }

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        guard let instance = await fleet.instance(at: call.source), instance.metadata.enabled else {
            return Self.page(403, "Forbidden")
        }
        if call.method == "PUT" { return await issueToken(call, instance) }
        guard call.method == "GET" || call.method == "HEAD" else {
            return Self.page(405, "Method Not Allowed")
        }
        await setTimeToLive(64, call.channel)
        guard authorized(call, instance) else { return Self.page(401, "Unauthorized") }
        return read(call.path, instance)
    }

    /// Only the answer to a token request is bound to the hop limit.
    private func issueToken(_ call: HTTPCall, _ instance: Instance) async -> HTTPAnswer {
        await setTimeToLive(instance.metadata.hopLimit, call.channel)
        guard call.path == "/latest/api/token" else { return Self.page(404, "Not Found") }
        guard call.header("x-forwarded-for") == nil else { return Self.page(403, "Forbidden") }
        guard let text = call.header("x-aws-ec2-metadata-token-ttl-seconds"), let seconds = Int(text),
            (1...Self.maximumTokenLife).contains(seconds)
        else { return Self.page(400, "Bad Request") }
        var answer = HTTPAnswer.text(200, tokens.issue(for: instance.id, life: .seconds(seconds)))
        answer.headers = [("x-aws-ec2-metadata-token-ttl-seconds", text)]
        return answer
    }

    private func setTimeToLive(_ hops: Int, _ channel: any Channel) async {
        try? await channel.setOption(
            ChannelOptions.Types.SocketOption(level: .ip, name: .init(rawValue: IP_TTL)),
            value: hops
        ).get()
    }

    private func authorized(_ call: HTTPCall, _ instance: Instance) -> Bool {
        guard let token = call.header("x-aws-ec2-metadata-token") else {
            return !instance.metadata.tokensRequired
        }
        return tokens.admits(token, instance: instance.id)
    }

    private func read(_ path: String, _ instance: Instance) -> HTTPAnswer {
        let parts = path.split(separator: "/").map(String.init)
        guard let version = parts.first else {
            return .text(200, MetadataTree.versions.joined(separator: "\n"))
        }
        guard MetadataTree.versions.contains(version),
            let tree = try? MetadataTree(instance, region: region, accountID: accountID, identity: identity),
            let text = tree.answer(parts.dropFirst().joined(separator: "/"))
        else { return Self.page(404, "Not Found") }
        if parts.dropFirst() == ["user-data"] {
            return HTTPAnswer(status: 200, contentType: "application/octet-stream", body: instance.userData)
        }
        return .text(200, text)
    }

    private static func page(_ status: Int, _ title: String) -> HTTPAnswer {
        let body =
            "<html><head><title>\(status) - \(title)</title></head><body><h1>\(status)</h1></body></html>\n"
        return HTTPAnswer(status: status, contentType: "text/html", body: Array(body.utf8))
    }
}

/// Session tokens, each good on one instance until it expires.
private final class MetadataTokens: Sendable {
    private struct Entry {
        let instance: String
        let expires: ContinuousClock.Instant
    }

    private let entries = Mutex<[String: Entry]>([:])

    func issue(for instance: String, life: Duration) -> String {
        let token = RandomSecret.base64(bytes: 40)
            .replacing("+", with: "-").replacing("/", with: "_")
        let now = ContinuousClock.now
        entries.withLock { entries in
            entries = entries.filter { $0.value.expires > now }
            entries[token] = Entry(instance: instance, expires: now.advanced(by: life))
        }
        return token
    }

    func admits(_ token: String, instance: String) -> Bool {
        entries.withLock { entries in
            guard let entry = entries[token] else { return false }
            return entry.instance == instance && entry.expires > .now
        }
    }
}
