import ArgumentParser
import Foundation

struct ResizeTenant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize",
        abstract: "Show or change the type of a tenant's instance.",
        discussion: """
            Without an option it only shows the type. The instance is stopped, changed and started in the \
            maintenance window, so the tenant is away for a minute or two; if it does not come up, it gets \
            its former type back.

            With --follow, exit status 0 means that the instance has the type.
            """)

    @Argument var slug: String
    @Option(name: .customLong("to"), help: "The type, for example t3.large.")
    var type: String?
    @Flag(help: "The type of the organisation's plan.")
    var toPlan = false
    @Flag(help: "Do not wait for the maintenance window.")
    var now = false
    @Flag(help: "Only show what would be done, and when.")
    var dryRun = false
    @Flag(help: "Wait for the end.")
    var follow = false
    @OptionGroup var server: ServerOptions

    struct Order: Encodable, Equatable {
        /// nil: the plan's.
        var instanceType: String?
        var now: Bool?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey {
            case now
            case instanceType = "instance_type"
            case dryRun = "dry_run"
        }
    }

    func validate() throws {
        guard type == nil || !toPlan else { throw ValidationError("Give --to or --to-plan.") }
        guard order != nil || !(now || dryRun || follow) else {
            throw ValidationError("--now, --dry-run and --follow go with --to TYPE or --to-plan.")
        }
    }

    /// nil when nothing is ordered.
    var order: Order? {
        guard type != nil || toPlan else { return nil }
        return Order(instanceType: type, now: now ? true : nil, dryRun: dryRun ? true : nil)
    }

    func run() async throws {
        let api = try server.connect()
        let path = "/cp/admin/tenants/\(escaped(slug))/instance-type"
        let data: Data
        if let order {
            data = try await api.call("POST", path, body: order)
        } else {
            data = try await api.call("GET", path)
        }
        let shown = try decode(InstanceTypeView.self, from: data)
        if server.json { sayJSON(data) } else { shown.lines.forEach(say) }
        if follow, !dryRun { try await watch(api, path, shown) }
    }

    /// - Throws: `ExitCode.failure` when the instance has not got the type
    private func watch(_ api: ControlPlaneAPI, _ path: String, _ shown: InstanceTypeView) async throws {
        let started = ContinuousClock.now
        var last = shown.resize?.phase
        var view = shown
        while view.resize.map({ !$0.isFinal }) ?? false {
            try await Task.sleep(for: .milliseconds(500))
            let data = try await api.ask(path)
            view = try decode(InstanceTypeView.self, from: data)
            guard view.resize?.phase != last else { continue }
            last = view.resize?.phase
            if server.json {
                sayJSON(data)
            } else {
                say("\(seconds(ContinuousClock.now - started))  \(last ?? "-")")
            }
        }
        guard let resize = view.resize else { return }
        if !server.json { resize.lines.forEach(say) }
        guard ["changed", "unchanged"].contains(resize.phase) else { throw ExitCode.failure }
    }
}

/// What a tenant's instance is, what its plan says, and what was ordered last.
struct InstanceTypeView: Decodable {
    struct Resize: Decodable {
        var cause: String
        var fromType: String
        var toType: String
        var phase: String
        var failures: Int
        var errorCode: String?
        var error: String?

        enum CodingKeys: String, CodingKey {
            case cause, phase, failures, error
            case fromType = "from_type"
            case toType = "to_type"
            case errorCode = "error_code"
        }

        var isFinal: Bool { !["waiting", "changing"].contains(phase) }

        var lines: [String] {
            var lines = ["\(fromType) to \(toType), ordered by the \(cause): \(phase)"]
            if let error { lines.append("last failure (\(failures)): \(error)") }
            return lines
        }
    }

    var slug: String
    var instanceType: String
    var plan: String
    var planInstanceType: String
    var beginsAt: Timestamp?
    var wouldChange: Bool?
    var resize: Resize?

    enum CodingKeys: String, CodingKey {
        case slug, plan, resize
        case instanceType = "instance_type"
        case planInstanceType = "plan_instance_type"
        case beginsAt = "begins_at"
        case wouldChange = "would_change"
    }

    var lines: [String] {
        let own = table([
            ["slug", slug], ["instance type", instanceType],
            ["of its plan", "\(planInstanceType) (\(plan))"],
        ])
        return own + (wouldChange.map { [preview($0)] } ?? (resize?.lines ?? []) + opening)
    }

    private var opening: [String] { beginsAt.map { ["begins in the window at \($0.text)"] } ?? [] }

    private func preview(_ changes: Bool) -> String {
        guard changes else { return "Nothing would be done." }
        return beginsAt.map { "It would begin in the window at \($0.text)." } ?? "It would begin at once."
    }
}
