import DurableFiles
import FoundationEssentials
import TenantProtocol

/// The reports of the last redeploys that had an id, oldest first. SendCommand has no client token, so that
/// the same order may arrive twice: the second time it is answered from here.
struct RedeployRecords: Sendable {
    let installation: Installation

    static let maximumRecords = 20

    private struct Record: Codable {
        var id: String
        var report: RedeployReport
    }

    func report(of id: String) throws -> RedeployReport? {
        try load().last { $0.id == id }?.report
    }

    /// Written when the redeploy has ended, and not before: one that was cut off has no outcome.
    func save(_ report: RedeployReport, of id: String) throws {
        let records = try load().filter { $0.id != id } + [Record(id: id, report: report)]
        try Files.replace(
            installation.redeployRecordsPath, with: try encoded(Array(records.suffix(Self.maximumRecords))))
    }

    /// A file that is no list of records counts as none: it must not hold up redeploys.
    private func load() throws -> [Record] {
        guard let bytes = try Files.read(installation.redeployRecordsPath) else { return [] }
        return (try? JSONDecoder().decode([Record].self, from: Data(bytes))) ?? []
    }
}
