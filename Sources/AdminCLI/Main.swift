import ArgumentParser

@main
struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cpctl",
        abstract: "Operate the control plane.",
        discussion: """
            Environment: CP_URL, the control plane's address; CP_ADMIN_API_TOKEN, the operator's \
            own token (`cpctl operators issue`); \
            CP_CA_FILE, certificate authorities to trust beside the system's (PEM).
            """,
        subcommands: [
            Orgs.self, Tenants.self, Channels.self, RolloutCommand.self, Boot.self, Why.self, Retry.self,
            Cancel.self, Force.self, Repair.self,
            Operators.self, PartnerKeys.self, Capacity.self, Orphans.self, Drift.self, Reconcile.self,
            BillingCommand.self, Usage.self, Credits.self, AuditCommand.self, SigV4.self,
        ])
}
