import DurableFiles

/// Held by a redeploy from start to end: one at a time, and no boot or supervision beside it.
struct RedeployLocks: Sendable {
    private let only: FileLock
    private let stack: FileLock

    /// How long a boot, or a round of the supervision, is waited for.
    static let patience: Duration = .seconds(60)

    /// nil when another redeploy is at work, or a boot takes too long.
    static func acquire(_ installation: Installation) async throws -> RedeployLocks? {
        guard let only = try FileLock.acquireNow(installation.redeployLockPath),
            let stack = try await FileLock.acquire(installation.stackLockPath, waitingAtMost: patience)
        else { return nil }
        return RedeployLocks(only: only, stack: stack)
    }
}
