import AdminProtocol
import ArgumentParser
import Fleet
import FoundationEssentials
import Organisations

struct Adopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rebuild rows from the cloud, after the database was restored from an old backup.",
        discussion: """
            Reads instances by their tags, tunnels by their names and DNS records by their comments, and \
            shows what the rows lack. With --apply it writes those rows, and tells the adopted instances to \
            enrol again: an instance proves itself by its identity document and gives back its keys. \
            Organisations' names, owners and plans, boot events and redeploys are not in the cloud: the name \
            becomes the slug, the owner `unknown`, the plan `free`; `cpctl orgs add-owner` names one.

            A backup from before a tenant's token was rotated names a token that the tenant no longer has: \
            its calls are 401. --enrol-again SLUG forgets what the rows know, and takes it from the instance.
            """)

    @Flag(help: "Write the rows.")
    var apply = false
    @Option(help: "Also take the credentials of this running tenant from its instance; may be repeated.")
    var enrolAgain: [String] = []
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
        let writing = AdoptionWriting(fleet: platform.fleet)
        var answer = Answer(applied: apply, tenants: try await writing.find(), failures: [:], toldToEnrol: [])
        if apply {
            for adoptee in answer.tenants where adoptee.change != .conflict {
                do {
                    try await writing.adopt(adoptee)
                } catch {
                    answer.failures[adoptee.slug] = (error as? AppError)?.message ?? "\(error)"
                }
            }
            for slug in enrolAgain {
                do {
                    try await writing.forgetCredentials(Slug(slug))
                } catch {
                    answer.failures[slug] = (error as? AppError)?.message ?? "\(error)"
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
        if !answer.applied {
            for slug in enrolAgain { print("enrol_again  \(slug)") }
        }
        for (slug, failure) in answer.failures.sorted(by: { $0.key < $1.key }) {
            print("\(slug): \(failure)")
        }
        let adoptable = answer.tenants.filter { $0.change != .conflict }
        let count = adoptable.count
        let adopted = adoptable.count { answer.failures[$0.slug] == nil }
        print(
            answer.applied
                ? "\(adopted) adopted, \(answer.toldToEnrol.count) told to enrol again."
                : "\(count) to adopt. Nothing was changed: --apply writes the rows.")
    }
}
