import ArgumentParser

struct BillingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "billing", abstract: "Subscriptions and overage, here and at Stripe.",
        subcommands: [
            ListSubscriptions.self, SyncBilling.self, WhyBilling.self, ReconcileBilling.self,
        ])
}
