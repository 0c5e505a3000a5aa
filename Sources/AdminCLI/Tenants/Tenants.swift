import ArgumentParser

struct Tenants: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Work on running tenants.",
        subcommands: [
            RedeployTenant.self, TenantHistory.self, TenantRelease.self, RotateTenant.self,
            ResizeTenant.self,
        ])
}
