import AdminProtocol
import ArgumentParser
import FoundationEssentials
import Organisations

struct RewrapSecrets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rewrap",
        abstract: "Seal every stored secret again under the configured key.",
        discussion: """
            After KMS_KEY_ARN or SECRETS_ENCRYPTION_KEY was changed: first run every replica with the new \
            key (and the old one readable: SECRETS_ENCRYPTION_KEYS_PREVIOUS, or leave to use the old KMS \
            key), then this, and only then take the old key away. A run that is cut off goes on where it \
            stopped; it may be repeated at any time.
            """)

    @Flag(help: "Count what is under another key, and write nothing.")
    var dryRun = false
    @Flag(help: "Print JSON.")
    var json = false

    private struct Answer: Encodable {
        var applied: Bool
        var seen: Int
        var rewrapped: Int
        var overtaken: Int
        var unreadable: [String]
    }

    func run() async throws {
        let platform = try Platform(try readConfiguration(), logger: makeLogger())
        defer { platform.http.shutdown() }
        let rewrap = Rewrap(database: platform.database, secrets: platform.fleet.secrets)
        let showsProgress = !json
        let tally: Rewrap.Tally
        do {
            tally = try await rewrap.run(isDryRun: dryRun) { tally in
                if showsProgress { print("\(tally.seen) looked at, \(tally.rewrapped) under another key") }
            }
        } catch {
            await platform.database.close()
            throw ValidationError(
                "It stopped: \(Self.text(error)) Run it again: it goes on where it stopped.")
        }
        await platform.database.close()
        try say(tally)
        if !tally.unreadable.isEmpty { throw ExitCode.failure }
    }

    private static func text(_ error: any Error) -> String { (error as? AppError)?.message ?? "\(error)." }

    private func say(_ tally: Rewrap.Tally) throws {
        let answer = Answer(
            applied: !dryRun, seen: tally.seen, rewrapped: tally.rewrapped, overtaken: tally.overtaken,
            unreadable: tally.unreadable.map(\.text))
        if json { return print(String(decoding: try JSONEncoder.wire.encode(answer), as: UTF8.self)) }
        for org in answer.unreadable { print("\(org): no configured key opens its secrets") }
        let others = tally.overtaken == 0 ? "" : ", \(tally.overtaken) changed meanwhile"
        print(
            dryRun
                ? "\(tally.rewrapped) of \(tally.seen) are under another key. Nothing was changed."
                : "\(tally.rewrapped) of \(tally.seen) sealed again\(others).")
    }
}
