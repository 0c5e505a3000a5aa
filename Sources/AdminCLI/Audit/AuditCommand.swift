import ArgumentParser

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show who changed what, and verify the log.",
        subcommands: [ListAudit.self, VerifyAudit.self, ExportAudit.self])
}
