import DurableFiles
import FoundationEssentials
import Logging
import ServiceLifecycle
import TenantProtocol
import TenantSpool

/// The workspaces of this tenant that live, by what they say of themselves, and what becomes of them told to
/// the platform: that one was created, came online, went offline, was removed. Never a name or
/// anything of its content.
actor WorkspaceRegistry: Service {
    private let spool: UsageSpool?
    private let settings: PlatformSettings
    private let logger: Logger
    /// The ids that were ever seen; nil: not kept over a restart.
    private let path: String?
    private var known: Set<String>
    /// When each that is online last said so.
    private var seen: [String: ContinuousClock.Instant] = [:]

    /// How often a workspace is to say that it lives, and how long it may be silent.
    static let heartbeatSeconds = 30
    static let silence: Duration = .seconds(90)
    static let maximumKnown = 10_000

    init(spool: UsageSpool?, settings: PlatformSettings, folder: String?, logger: Logger) {
        self.spool = spool
        self.settings = settings
        self.logger = logger
        path = folder.map { "\($0)/workspaces.json" }
        let bytes = path.flatMap { try? Files.read($0) } ?? []
        known = Set((try? JSONDecoder().decode([String].self, from: Data(bytes))) ?? [])
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: .seconds(Self.heartbeatSeconds))
                await self.sweep()
            }
        }
    }

    /// - Throws: `Problem` where the organisation may not have another workspace; one that is online stays
    func register(_ id: String, now: ContinuousClock.Instant = .now) async throws {
        guard seen.updateValue(now, forKey: id) == nil else { return }
        do {
            try admit(id)
        } catch {
            seen[id] = nil
            throw error
        }
        if known.insert(id).inserted {
            await tell(id, .created)
            keep()
        }
        await tell(id, .online)
    }

    private func admit(_ id: String) throws {
        let standing = settings.standing
        if let refusal = standing.refusal { throw refusal.problem }
        if let maximum = standing.maximumWorkspaces, seen.count > maximum {
            throw Problem(
                status: .forbidden,
                detail: "The organisation may have \(maximum) workspaces at a time. End one, or take a "
                    + "larger plan.")
        }
        guard known.contains(id) || known.count < Self.maximumKnown else {
            throw Problem(
                status: .forbidden, detail: "this tenant knows \(Self.maximumKnown) workspaces already")
        }
    }

    /// - Returns: false for one that is not online: it registers then
    func heartbeat(_ id: String, now: ContinuousClock.Instant = .now) -> Bool {
        guard seen[id] != nil else { return false }
        seen[id] = now
        return true
    }

    /// It is gone for good: what comes under its id later is another workspace.
    func remove(_ id: String) async {
        if seen.removeValue(forKey: id) != nil { await tell(id, .offline) }
        guard known.remove(id) != nil else { return }
        await tell(id, .removed)
        keep()
    }

    /// Those that have been silent for too long are offline.
    func sweep(now: ContinuousClock.Instant = .now) async {
        for (id, last) in seen where now - last > Self.silence {
            seen[id] = nil
            await tell(id, .offline)
        }
    }

    /// For analytics: no workspace waits for, or fails with, it.
    private func tell(_ id: String, _ kind: WorkspaceEvent.Kind) async {
        do {
            try await spool?.record(
                WorkspaceEvent(
                    id: EventID.make(), workspaceID: id, kind: kind,
                    occurredAt: Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))))
        } catch {
            logger.warning("a workspace's event is not kept", metadata: ["error": "\(error)"])
        }
    }

    private func keep() {
        guard let path else { return }
        do {
            try Files.replace(path, with: Array(try JSONEncoder().encode(known.sorted())), mode: 0o600)
        } catch {
            logger.warning("the workspaces are not kept", metadata: ["error": "\(error)"])
        }
    }
}
