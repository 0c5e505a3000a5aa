import FoundationEssentials

/// Compares the cloud with the platform's rows, both ways. Pure: what it finds depends on its input alone.
///
/// The cloud must have been read before the rows. Intent stands in the rows before anything is created, so
/// what the cloud shows and no row knows is nobody's work under way.
struct Comparison: Sendable {
    /// Younger things, and rows that changed since, are left alone: a provider may hide or show them late.
    var settledSeconds: Double
    /// Where EC2's things are.
    var region: String

    func findings(_ cloud: [CloudResource], _ rows: PlatformRows) -> [Finding] {
        let index = Index(cloud, rows)
        return cloud.flatMap { resourceFindings($0, index) } + ghosts(index)
            + rows.tenants.flatMap { drift($0, index) }
    }

    /// Look-ups over both sides.
    struct Index {
        let rows: PlatformRows
        var byOrg: [UUID: PlatformRows.Tenant] = [:]
        var bySlug: [String: PlatformRows.Tenant] = [:]
        var byTunnel: [String: PlatformRows.Tenant] = [:]
        var resources: [ResourceLedger.Kind: [String: CloudResource]] = [:]
        var records: [String: CloudResource] = [:]
        var liveSnapshots: Set<String> = []

        init(_ cloud: [CloudResource], _ rows: PlatformRows) {
            self.rows = rows
            for tenant in rows.tenants {
                byOrg[tenant.orgID] = tenant
                if tenant.status != .purged { bySlug[tenant.slug] = tenant }
                for key in [tenant.tunnelID, tenant.tunnelName] { key.map { byTunnel[$0] = tenant } }
            }
            for row in rows.ledger where row.kind == .tunnel {
                for key in [row.providerID, row.intentID] where byTunnel[key] == nil {
                    byTunnel[key] = byOrg[row.orgID]
                }
            }
            liveSnapshots = Set(rows.ledger.filter { $0.kind == .snapshot }.map(\.providerID))
            for resource in cloud {
                resources[resource.kind, default: [:]][resource.id] = resource
                if resource.kind == .dnsRecord { records[resource.name] = resource }
            }
        }

        func has(_ kind: ResourceLedger.Kind, _ id: String) -> Bool { resources[kind]?[id] != nil }

        /// Whose the resource is.
        func owner(of resource: CloudResource) -> PlatformRows.Tenant? {
            if let org = resource.orgID { return byOrg[org] }
            guard resource.kind == .tunnel else { return nil }
            return byTunnel[resource.id] ?? byTunnel[resource.name] ?? resource.slug.flatMap { bySlug[$0] }
        }
    }
}

// MARK: - In the cloud

extension Comparison {
    private func resourceFindings(_ resource: CloudResource, _ index: Index) -> [Finding] {
        let owner = index.owner(of: resource)
        // An attached volume goes with its instance.
        guard owner?.isBusy != true, resource.ageSeconds >= settledSeconds, resource.attachedTo == nil,
            resource.state != "shutting-down"
        else { return [] }
        guard isKept(resource, owner, index) else {
            return [finding(.orphan, resource, owner, Self.reason(resource, owner))]
        }
        guard resource.quarantinedAt != nil else { return [] }
        return [finding(.quarantineLeft, resource, owner, "is kept, and marked as an orphan")]
    }

    private func isKept(_ resource: CloudResource, _ owner: PlatformRows.Tenant?, _ index: Index) -> Bool {
        guard let owner else { return false }
        switch resource.kind {
        case .instance:
            guard owner.isWanted else { return false }
            return owner.instanceID.map { $0 == resource.id } ?? (resource.launchID == owner.launchID)
        case .volume: return owner.isWanted && resource.launchID == owner.launchID
        case .snapshot:
            return owner.isRetained || owner.snapshotID == resource.id
                || owner.status != .purged && index.liveSnapshots.contains(resource.id)
        case .tunnel:
            return owner.isWanted && (owner.tunnelID == resource.id || owner.tunnelName == resource.name)
        case .dnsRecord: return owner.isWanted && owner.hostname == resource.name
        case .tunnelConfiguration, .securityGroupRule, .parameter, .imageTag: return true
        }
    }

    private static func reason(_ resource: CloudResource, _ owner: PlatformRows.Tenant?) -> String {
        guard let owner else { return "no row knows its organisation" }
        if !owner.isWanted { return "its organisation is \(owner.status.rawValue)" }
        return "its organisation uses another \(resource.kind.rawValue)"
    }

    private func finding(
        _ code: Finding.Code, _ resource: CloudResource, _ owner: PlatformRows.Tenant?, _ detail: String
    ) -> Finding {
        Finding(
            code: code, kind: resource.kind, resource: resource.id, place: resource.place,
            name: resource.name, orgID: resource.orgID ?? owner?.orgID, slug: resource.slug ?? owner?.slug,
            detail: detail, monthlyUSD: resource.monthlyUSD, quarantinedAt: resource.quarantinedAt,
            isOrgKnown: owner != nil)
    }
}

// MARK: - In the rows

extension Comparison {
    private func ghosts(_ index: Index) -> [Finding] {
        var found: [Finding.Key: Finding] = [:]
        for row in index.rows.ledger where row.unchangedSeconds >= settledSeconds {
            let owner = index.byOrg[row.orgID]
            let kind = row.kind == .tunnelConfiguration ? .tunnel : row.kind
            guard Self.observed.contains(kind), owner?.isBusy != true, !index.has(kind, row.providerID),
                // A wanted record is put back: drift.
                !(kind == .dnsRecord && owner?.isWanted == true)
            else { continue }
            add(row.kind, row.providerID, row.place, row.intentID, owner, &found)
        }
        for tenant in index.rows.tenants where isSettled(tenant) {
            if let id = tenant.instanceID, !index.has(.instance, id) {
                add(.instance, id, region, id, tenant, isInLedger: false, &found)
            }
            if let id = tenant.tunnelID, !index.has(.tunnel, id) {
                add(
                    .tunnel, id, tenant.accountID ?? "", tenant.tunnelName ?? id, tenant, isInLedger: false,
                    &found)
            }
        }
        return found.values.sorted { ($0.kind.rawValue, $0.resource) < ($1.kind.rawValue, $1.resource) }
    }

    private static let observed: Set<ResourceLedger.Kind> = [
        .instance, .volume, .snapshot, .tunnel, .dnsRecord,
    ]

    private func add(
        _ kind: ResourceLedger.Kind, _ id: String, _ place: String, _ name: String,
        _ owner: PlatformRows.Tenant?, isInLedger: Bool = true, _ found: inout [Finding.Key: Finding]
    ) {
        let finding = Finding(
            code: .gone, kind: kind, resource: id, place: place, name: name, orgID: owner?.orgID,
            slug: owner?.slug, detail: "the rows name it, the cloud has none", isInLedger: isInLedger)
        found[finding.key] = found[finding.key] ?? finding
    }

    private func isSettled(_ tenant: PlatformRows.Tenant) -> Bool {
        tenant.isUp && !tenant.isBusy && tenant.ageSeconds >= settledSeconds
    }
}

// MARK: - There, and not as it should be

extension Comparison {
    private func drift(_ tenant: PlatformRows.Tenant, _ index: Index) -> [Finding] {
        guard isSettled(tenant) else { return [] }
        let instance = tenant.instanceID.flatMap { index.resources[.instance]?[$0] }
        let tunnel = tenant.tunnelID.flatMap { index.resources[.tunnel]?[$0] }
        return instanceDrift(tenant, instance) + recordDrift(tenant, tunnel, index)
            + tunnelDrift(tenant, tunnel, instance)
    }

    private func instanceDrift(_ tenant: PlatformRows.Tenant, _ instance: CloudResource?) -> [Finding] {
        guard let instance else { return [] }
        var found: [Finding] = []
        if instance.state == "stopped" {
            found.append(finding(.instanceStopped, instance, tenant, "is stopped"))
        }
        if let wanted = tenant.instanceType, let actual = instance.instanceType, wanted != actual {
            found.append(finding(.instanceTypeChanged, instance, tenant, "is \(actual), not \(wanted)"))
        }
        if let wanted = tenant.expectedDigest, let actual = tenant.reportedDigest, wanted != actual {
            let detail = "runs \(actual.prefix(19)), not \(wanted.prefix(19))"
            found.append(finding(.imageDigestWrong, instance, tenant, detail))
        }
        return found
    }

    private func recordDrift(
        _ tenant: PlatformRows.Tenant, _ tunnel: CloudResource?, _ index: Index
    ) -> [Finding] {
        // Without its tunnel a record has nowhere to point to.
        guard let tunnel, let hostname = tenant.hostname else { return [] }
        let content = "\(tunnel.id).cfargotunnel.com"
        guard let record = index.records[hostname] else {
            return [
                Finding(
                    code: .recordMissing, kind: .dnsRecord, resource: hostname, place: tenant.zoneID ?? "",
                    name: hostname, orgID: tenant.orgID, slug: tenant.slug,
                    detail: "the zone has no record of ours for it")
            ]
        }
        if record.content == content, record.isProxied { return [] }
        let wrong = record.content == content ? "is not proxied" : "points to \(record.content ?? "nothing")"
        return [finding(.recordWrong, record, tenant, wrong)]
    }

    private func tunnelDrift(
        _ tenant: PlatformRows.Tenant, _ tunnel: CloudResource?, _ instance: CloudResource?
    ) -> [Finding] {
        guard let tunnel, instance?.state == "running", !["healthy", "degraded"].contains(tunnel.state),
            (tunnel.silentSeconds ?? tunnel.ageSeconds) >= settledSeconds
        else { return [] }
        return [finding(.tunnelDisconnected, tunnel, tenant, "has no connection (\(tunnel.state))")]
    }
}
