import ArgumentParser
import Foundation

struct ExportAudit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print the whole log with its chain, one JSON document a line.",
        discussion: "`cpctl audit verify --file FILE` checks the export, without a control plane.")

    @Option(help: "Start after this link.")
    var after = 0
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let stream = try await server.connect().stream("/cp/admin/audit/export?after=\(after)")
        for try await chunk in stream { FileHandle.standardOutput.write(Data(chunk)) }
    }
}
