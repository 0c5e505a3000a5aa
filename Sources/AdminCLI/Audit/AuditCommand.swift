import ArgumentParser

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who changed what, and whether the log is whole.",
        subcommands: [ListAudit.self, VerifyAudit.self, ExportAudit.self])
}
