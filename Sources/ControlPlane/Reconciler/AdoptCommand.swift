import ArgumentParser
import FoundationEssentials

struct Adopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rebuild rows from the cloud, after the database was restored from an old backup.",
        discussion: """
            Reads instances by their tags, tunnels by their names and DNS records by their comments, and \
            shows what the rows lack. With --apply it writes those rows, and tells the adopted instances to \
            enrol again: an instance proves itself by its identity document and gives back its keys. \
            Organisations' names, owners and plans, boot events and redeploys are not in the cloud: the name \
            becomes the slug, the owner `unknown`, the plan `free`.
            """)

    @Flag(help: "Write the rows.")
    var apply = false
    @Flag(help: "Print JSON.")
    var json = false

    private struct Answer: Encodable {
        var applied: Bool
        var tenants: [Adoptee]
        var failures: [String: String]
        var toldToEnrol: [String]

        enum CodingKeys: String, CodingKey {
            case applied, tenants, failures
            case toldToEnrol = "told_to_enrol"
        }
    }

    func run() async throws {
        let platform = try Platform(try readConfiguration(), logger: makeLogger())
        defer { platform.http.shutdown() }
        let writing = AdoptionWriting(platform: platform)
        var answer = Answer(applied: apply, tenants: try await writing.find(), failures: [:], toldToEnrol: [])
        if apply {
            for adoptee in answer.tenants where adoptee.change != .conflict {
                do {
                    try await writing.adopt(adoptee)
                } catch {
                    answer.failures[adoptee.slug] = (error as? AppError)?.message ?? "\(error)"
                }
            }
            do {
                answer.toldToEnrol = try await writing.askToEnrol()
            } catch {
                answer.failures["enrolment"] = "\(error)"
            }
        }
        await platform.database.close()
        try say(answer)
        if !answer.failures.isEmpty { throw ExitCode.failure }
    }

    private func say(_ answer: Answer) throws {
        if json { return print(String(decoding: try JSONEncoder.wire.encode(answer), as: UTF8.self)) }
        for tenant in answer.tenants {
            let notes = tenant.notes.isEmpty ? "" : " (\(tenant.notes.joined(separator: "; ")))"
            let parts = [tenant.tunnelID, tenant.hostname].compactMap(\.self).joined(separator: " ")
            print("\(tenant.change.rawValue)  \(tenant.slug)  \(tenant.instanceID)  \(parts)\(notes)")
        }
        for (slug, failure) in answer.failures.sorted(by: { $0.key < $1.key }) {
            print("\(slug): \(failure)")
        }
        let count = answer.tenants.filter { $0.change != .conflict }.count
        print(
            answer.applied
                ? "\(count - answer.failures.count) adopted, \(answer.toldToEnrol.count) told to enrol again."
                : "\(count) to adopt. Nothing was changed: --apply writes the rows.")
    }
}
