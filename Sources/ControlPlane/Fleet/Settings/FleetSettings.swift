import Organisations
import Providers

/// What the fleet's operations are told from outside.
package struct FleetSettings: Sendable {
    /// Names this platform among others that share its accounts: in tags, names and comments.
    package var platformID: String
    /// Of AWS, in which tenants run.
    package var region: String
    /// Cloudflare's accounts and zones that may hold tenants; at least one.
    package var places: [CloudflarePlace]
    package var limits: ProviderLimits
    package var launch: LaunchSettings
    package var deadlines: Deadlines
    package var maintenanceWindow: MaintenanceWindow
    /// vCPUs that the region's quota leaves to tenants.
    package var maximumVCPUs: Int
    /// Days for which a deleted tenant's volume is kept, by plan; 0 where a plan is not named.
    package var retentionDays: [String: Int]
    package var reconciler: ReconcilerSettings
    /// A workflow's, after which another replica takes over.
    package var lease: Duration
    package var plans: Plans
    /// What every tenant receives as `MOLECULE_CP_SHARED_SECRET`.
    package var sharedSecret: String

    package init(
        platformID: String, region: String, places: [CloudflarePlace], limits: ProviderLimits,
        launch: LaunchSettings, deadlines: Deadlines, maintenanceWindow: MaintenanceWindow, maximumVCPUs: Int,
        retentionDays: [String: Int], reconciler: ReconcilerSettings, lease: Duration, plans: Plans,
        sharedSecret: String
    ) {
        self.platformID = platformID
        self.region = region
        self.places = places
        self.limits = limits
        self.launch = launch
        self.deadlines = deadlines
        self.maintenanceWindow = maintenanceWindow
        self.maximumVCPUs = maximumVCPUs
        self.retentionDays = retentionDays
        self.reconciler = reconciler
        self.lease = lease
        self.plans = plans
        self.sharedSecret = sharedSecret
    }
}
