import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// Channels, and which of them a tenant follows.
struct ReleaseRoutes: Sendable {
    let platform: Platform

    private var releases: ReleaseStore { ReleaseStore(database: platform.database) }

    /// `GET /cp/admin/channels`
    func channels(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(["channels": try await releases.channels()])
    }

    struct ChannelBody: RequestFields {
        var targetTag: String?
        var digest: String?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case digest
            case targetTag = "target_tag"
        }
    }

    /// `PUT /cp/admin/channels/:name`: the channel stands for this image from now on. No tenant is touched:
    /// a rollout brings them there. Without tag and digest it stands for the configured tag.
    func setChannel(_ request: Request, _ context: AppContext) async throws -> Response {
        let name = try context.parameters.require("name")
        guard ReleaseChannel.isName(name) else {
            throw AppError.invalidField(
                "name", "A channel's name has 1 to 32 characters: a letter, then letters, digits and dashes.")
        }
        let body = try await RequestBody.read(ChannelBody.self, from: request)
        let order = try ImageOrder(
            service: nil, targetTag: body.targetTag, digest: body.digest, refresh: nil)
        let isNamed = body.targetTag != nil || body.digest != nil
        let image = isNamed ? try await order.resolve(platform.fleet, meant: nil) : nil
        try await platform.database.transaction { transaction in
            let releases = ReleaseStore(database: transaction)
            let before = try await releases.channel(name)
            try await releases.set(name, digest: image?.digest, targetTag: body.targetTag)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "channel.set", subject: name,
                    before: ["digest": .text(before?.digest), "target_tag": .text(before?.targetTag)],
                    after: ["digest": .text(image?.digest), "target_tag": .text(body.targetTag)]),
                by: context.origin)
        }
        context.logger.notice(
            "channel set", metadata: ["channel": "\(name)", "digest": "\(image?.digest ?? "-")"])
        return try Response.json(try await releases.channel(name))
    }

    /// `GET /cp/admin/tenants/:slug/release`
    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await releases.find(try await org(context)))
    }

    /// Each field that is given changes, the others stay; "" and 0 take a pin or a maintenance away.
    struct ReleaseBody: RequestFields {
        var channel: String?
        var pinnedDigest: String?
        var optedOut: Bool?
        var maintenanceSeconds: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case channel
            case pinnedDigest = "pinned_digest"
            case optedOut = "opted_out"
            case maintenanceSeconds = "maintenance_seconds"
        }
    }

    /// Longest maintenance: 30 days.
    static let maintenanceLimits = 0...2_592_000

    /// `PATCH /cp/admin/tenants/:slug/release`
    func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let body = try await RequestBody.read(ReleaseBody.self, from: request)
        let org = try await org(context)
        let before = try await releases.find(org)
        var release = before
        if let channel = body.channel { release.channel = channel }
        if let optedOut = body.optedOut { release.isOptedOut = optedOut }
        if let digest = body.pinnedDigest { release.pinnedDigest = try await pin(digest) }
        if let seconds = body.maintenanceSeconds {
            guard Self.maintenanceLimits.contains(seconds) else {
                throw AppError.invalidField(
                    "maintenance_seconds", "The field \"maintenance_seconds\" is 0 to 2592000.")
            }
            release.maintenanceUntil = seconds == 0 ? nil : Date().addingTimeInterval(Double(seconds))
        }
        try await platform.database.transaction { [release] transaction in
            try await ReleaseStore(database: transaction).save(release, of: org)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "tenant.release_changed", org: org.id, subject: org.slug,
                    before: before.audited, after: release.audited),
                by: context.origin)
        }
        context.logger.notice("release changed", metadata: ["org": "\(org.id.text)"])
        return try Response.json(try await releases.find(org))
    }

    /// An image that the registry does not have would leave the tenant out of every rollout for nothing.
    private func pin(_ digest: String) async throws -> String? {
        guard !digest.isEmpty else { return nil }
        let order = try ImageOrder(service: nil, targetTag: nil, digest: digest, refresh: nil)
        return try await order.resolve(platform.fleet, meant: nil)?.digest
    }

    private func org(_ context: AppContext) async throws -> Org {
        try await OrgStore(database: platform.database).require(slug: context.slug())
    }
}
