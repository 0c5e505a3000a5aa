import ArgumentParser

struct BillingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "billing", abstract: "What is charged, and whether Stripe knows it.",
        subcommands: [
            ListSubscriptions.self, SyncBilling.self, WhyBilling.self, ReconcileBilling.self,
        ])
}
