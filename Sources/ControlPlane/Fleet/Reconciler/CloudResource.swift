import FoundationEssentials
import Organisations

/// A thing at a provider that carries this platform's mark, as one look at the cloud has shown it.
struct CloudResource: Sendable, Equatable {
    var kind: ResourceLedger.Kind
    /// The provider's.
    var id: String
    /// A tunnel's name, a record's hostname; else the id again.
    var name: String
    /// A Cloudflare account or zone, or the AWS region.
    var place: String
    /// Of the tag or comment. A tunnel says its slug and the beginning of its launch alone.
    var orgID: UUID?
    var slug: String?
    var launchID: UUID?
    /// The provider's word for it.
    var state = ""
    var ageSeconds: Double
    /// Of a tunnel: since it lost its last connection.
    var silentSeconds: Double?
    /// Of a record: where it points to.
    var content: String?
    var isProxied = true
    var instanceType: String?
    /// Of a volume: its instance.
    var attachedTo: String?
    /// What it costs; nil: unknown.
    var monthlyUSD: Double?
    /// When it was marked as an orphan at the provider itself.
    var quarantinedAt: Date?
}

/// What the platform's rows say.
struct PlatformRows: Sendable {
    /// Every organisation that ever was, with its tenant if it has one.
    package struct Tenant: Sendable, Equatable {
        package var orgID: UUID
        package var slug: String
        package var status: Org.Status
        /// Its snapshot is kept for some days.
        var isRetained = false
        /// A workflow is at work on it.
        var isBusy = false
        package var launchID: UUID?
        package var hostname: String?
        var tunnelName: String?
        package var accountID: String?
        package var zoneID: String?
        package var instanceID: String?
        package var tunnelID: String?
        var snapshotID: String?
        package var instanceType: String?
        /// Of the last redeploy that succeeded, or of the launch.
        var expectedDigest: String?
        /// As the agent last reported it.
        var reportedDigest: String?
        /// Since its launch began.
        var ageSeconds: Double

        package init(
            orgID: UUID, slug: String, status: Org.Status, isRetained: Bool = false, isBusy: Bool = false,
            launchID: UUID? = nil, hostname: String? = nil, tunnelName: String? = nil,
            accountID: String? = nil, zoneID: String? = nil, instanceID: String? = nil,
            tunnelID: String? = nil, snapshotID: String? = nil, instanceType: String? = nil,
            expectedDigest: String? = nil, reportedDigest: String? = nil, ageSeconds: Double
        ) {
            self.orgID = orgID
            self.slug = slug
            self.status = status
            self.isRetained = isRetained
            self.isBusy = isBusy
            self.launchID = launchID
            self.hostname = hostname
            self.tunnelName = tunnelName
            self.accountID = accountID
            self.zoneID = zoneID
            self.instanceID = instanceID
            self.tunnelID = tunnelID
            self.snapshotID = snapshotID
            self.instanceType = instanceType
            self.expectedDigest = expectedDigest
            self.reportedDigest = reportedDigest
            self.ageSeconds = ageSeconds
        }

        /// Its resources are to stay.
        var isWanted: Bool { isUp || status == .provisioning }

        /// Its instance is to run. A suspended one keeps what it had.
        var isUp: Bool { status == .running || status == .suspended && instanceID != nil }
    }

    /// What is said to exist: rows in the state `live` with a provider's id.
    struct LedgerRow: Sendable, Equatable {
        var orgID: UUID
        var kind: ResourceLedger.Kind
        var intentID: String
        var providerID: String
        var place: String
        var unchangedSeconds: Double
    }

    var tenants: [Tenant]
    var ledger: [LedgerRow]
}
