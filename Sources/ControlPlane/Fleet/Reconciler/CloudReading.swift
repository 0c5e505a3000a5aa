import AdminProtocol
import FoundationEssentials
import Providers

/// One look at everything at the providers that carries this platform's mark, in pages of a thousand.
struct CloudReading: Sendable {
    let fleet: FleetContext

    private var id: String { fleet.settings.platformID }
    private var region: String { fleet.settings.region }

    /// - Parameter patiently: makes one list call, and waits where the provider's limits say so.
    func read(_ patiently: ProviderPatience) async throws -> [CloudResource] {
        let now = Date()
        let mine = [EC2Filter(name: "tag:\(ResourceTag.platform)", values: [id])]
        let volumes = try await patiently.call { try await fleet.ec2.describeVolumes(filters: mine) }
        let instances = try await patiently.call { try await fleet.ec2.describeInstances(filters: mine) }
        let snapshots = try await patiently.call { try await fleet.ec2.describeSnapshots(filters: mine) }
        let sizes = Dictionary(volumes.map { ($0.volumeId, $0.size ?? 0) }, uniquingKeysWith: { $1 })
        var found = instances.filter { $0.state != "terminated" }.map { instance($0, sizes, now) }
        found += volumes.filter { !["deleting", "deleted"].contains($0.status) }.map { volume($0, now) }
        found += snapshots.map { snapshot($0, now) }
        return try await found + tunnels(patiently, now) + records(patiently, now)
    }

    // MARK: EC2

    /// - Parameter sizes: of volumes, by id, in GiB.
    private func instance(_ instance: EC2Instance, _ sizes: [String: Int], _ now: Date) -> CloudResource {
        var resource = ec2(.instance, instance.id, instance.tags, instance.launchedAt, now)
        resource.state = instance.state
        resource.instanceType = instance.instanceType
        let gibibytes = instance.volumeIDs.reduce(0) { $0 + (sizes[$1] ?? 0) }
        resource.monthlyUSD = Prices.instance(type: instance.instanceType ?? "", state: instance.state)
            .map { $0 + Prices.volume(gibibytes: gibibytes) }
        return resource
    }

    private func volume(_ volume: EC2Volume, _ now: Date) -> CloudResource {
        let tags = volume.tagSet?.dictionary ?? [:]
        var resource = ec2(.volume, volume.volumeId, tags, volume.createTime.flatMap(awsDate), now)
        resource.state = volume.status
        resource.attachedTo = volume.attachmentSet?.items.first?.instanceId
        resource.monthlyUSD = volume.size.map(Prices.volume)
        return resource
    }

    private func snapshot(_ snapshot: EC2Snapshot, _ now: Date) -> CloudResource {
        let tags = snapshot.tagSet?.dictionary ?? [:]
        var resource = ec2(.snapshot, snapshot.snapshotId, tags, snapshot.startTime.flatMap(awsDate), now)
        resource.state = snapshot.status
        resource.monthlyUSD = snapshot.volumeSize.map(Prices.snapshot)
        return resource
    }

    private func ec2(
        _ kind: ResourceLedger.Kind, _ id: String, _ tags: [String: String], _ since: Date?, _ now: Date
    ) -> CloudResource {
        CloudResource(
            kind: kind, id: id, name: id, place: region,
            orgID: tags[ResourceTag.org].flatMap(UUID.init(uuidString:)), slug: tags[ResourceTag.slug],
            launchID: tags[ResourceTag.launch].flatMap(UUID.init(uuidString:)),
            ageSeconds: since.map { now.timeIntervalSince($0) } ?? 0,
            quarantinedAt: tags[ResourceTag.quarantinedAt].flatMap(awsDate))
    }

    // MARK: Cloudflare

    private func tunnels(_ patiently: ProviderPatience, _ now: Date) async throws -> [CloudResource] {
        var found: [CloudResource] = []
        var seen: Set<String> = []
        for client in fleet.cloudflare.all where seen.insert(client.accountID).inserted {
            let listed = try await patiently.call {
                try await client.listTunnels(prefix: TunnelName.prefix(platform: id))
            }
            found += listed.map { tunnel($0, client.accountID, now) }
        }
        return found
    }

    private func tunnel(_ tunnel: ListedTunnel, _ account: String, _ now: Date) -> CloudResource {
        func seconds(since text: String?) -> Double? {
            text.flatMap(awsDate).map { now.timeIntervalSince($0) }
        }
        return CloudResource(
            kind: .tunnel, id: tunnel.id, name: tunnel.name, place: account,
            slug: TunnelName(tunnel.name, platform: id)?.slug, state: tunnel.status ?? "",
            ageSeconds: seconds(since: tunnel.createdAt) ?? 0,
            silentSeconds: seconds(since: tunnel.inactiveSince), monthlyUSD: 0)
    }

    private func records(_ patiently: ProviderPatience, _ now: Date) async throws -> [CloudResource] {
        let prefix = "\(id) org "
        var found: [CloudResource] = []
        var seen: Set<String> = []
        for client in fleet.cloudflare.all where seen.insert(client.zoneID).inserted {
            let listed = try await patiently.call {
                try await client.listDNSRecords(commentPrefix: prefix)
            }
            found += listed.compactMap { record in
                guard let comment = record.comment, comment.hasPrefix(prefix),
                    let org = UUID(uuidString: String(comment.dropFirst(prefix.count)))
                else { return nil }
                let since = record.createdAt.flatMap(awsDate)
                return CloudResource(
                    kind: .dnsRecord, id: record.id, name: record.name, place: client.zoneID, orgID: org,
                    ageSeconds: since.map { now.timeIntervalSince($0) } ?? 0, content: record.content,
                    isProxied: record.proxied ?? false, monthlyUSD: 0)
            }
        }
        return found
    }
}

extension ResourceTag {
    /// When the reconciler marked an orphan, RFC 3339.
    static let quarantinedAt = "molecule:quarantined-at"
}

/// `<platform>-tenant-<slug>-<first 8 of the launch id>`: what a tunnel says of its owner.
struct TunnelName: Equatable {
    var slug: String
    var launchPrefix: String

    static func prefix(platform: String) -> String { "\(platform)-tenant-" }

    init?(_ name: String, platform: String) {
        let prefix = Self.prefix(platform: platform)
        guard name.hasPrefix(prefix), let dash = name.lastIndex(of: "-") else { return nil }
        let start = name.index(name.startIndex, offsetBy: prefix.count)
        launchPrefix = String(name[name.index(after: dash)...])
        guard start < dash, launchPrefix.count == 8 else { return nil }
        slug = String(name[start..<dash])
    }
}

/// Waits for a provider on behalf of work that nobody waits for.
struct ProviderPatience: Sendable {
    /// Tries of a call whose provider is away.
    static let attempts = 5

    /// Told before each wait, so that a lease can be renewed.
    let beforeWait: @Sendable () async throws -> Void

    func call<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        var attempt = 1
        while true {
            let pause: Duration
            do {
                return try await body()
            } catch let error as AppError where error.code == "provider_busy" {
                pause = .seconds(error.retryAfter ?? 1)
            } catch let error as ProviderError where error.isRetryable && attempt < Self.attempts {
                pause = .seconds(1 << attempt)
                attempt += 1
            }
            try await beforeWait()
            try await Task.sleep(for: min(pause, .seconds(60)))
        }
    }
}
